"""The first rows of keys and projects: the organization, and the default project with what is stored already."""

from django.apps.registry import Apps

from sessions_store.models.access.project import DEFAULT_PROJECT
from sessions_store.models.principal import LOCAL_USERNAME


def seed_organization(apps: Apps) -> None:
    """Add the organization, the default project and the public ids of the principals, each if absent.

    `apps` is a migration's state registry or Django's own.
    """
    user = apps.get_model("sessions_store", "User")
    for row in user.objects.filter(public_id=None):
        user.objects.filter(pk=row.pk).update(public_id=f"user-{row.pk:024x}")
    apps.get_model("sessions_store", "Organization").objects.get_or_create(pk=1)
    local = user.objects.filter(username=LOCAL_USERNAME).first()
    if local is not None:
        project = apps.get_model("sessions_store", "Project")
        project.objects.get_or_create(public_id=DEFAULT_PROJECT, defaults={"name": "Default", "storage": local})
