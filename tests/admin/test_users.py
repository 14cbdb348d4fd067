"""Users: the local principal is unchangeable, superusers grant rights, owners of records cannot be deleted."""

from django.test import Client
from django.urls import reverse

from sessions_store.models import User
from tests.admin.conftest import Operator
from tests.admin.examples import Exchange, record


def change(user: User) -> str:
    return reverse("admin:sessions_store_user_change", args=[user.pk])


def test_the_local_principal_cannot_be_deleted_or_given_a_login(operator: Client) -> None:
    local = User.objects.local()
    page = operator.get(change(local)).content.decode()
    assert "Built-in account" in page
    assert 'name="is_staff"' not in page
    assert "deletelink" not in page
    assert (
        operator.post(reverse("admin:sessions_store_user_delete", args=[local.pk]), {"post": "yes"}).status_code == 403
    )
    password = reverse("admin:auth_user_password_change", args=[local.pk])
    assert operator.post(password, {"password1": "a-new-secret", "password2": "a-new-secret"}).status_code == 403
    operator.post(change(local), {"username": "renamed", "is_staff": "on", "is_superuser": "on", "is_active": "on"})
    local.refresh_from_db()
    assert (local.username, local.is_staff, local.is_superuser) == ("local", False, False)
    assert not local.has_usable_password()


def test_sessions_of_the_local_principal_can_be_disabled(operator: Client) -> None:
    local = User.objects.local()
    response = operator.post(change(local), {"_save": "Save"})
    assert response.status_code == 302
    local.refresh_from_db()
    assert local.memory is False


def test_a_clerk_with_the_right_to_edit_users_cannot_become_superuser(clerk: Operator) -> None:
    browser = clerk("change_user", "view_user")
    member = User.objects.get(username="clerk")
    root = User.objects.create_superuser("root", password="unguessable-enough")
    fields = {"username": "clerk", "is_active": "on", "is_staff": "on", "is_superuser": "on", "memory": "on"}
    assert browser.post(change(member), fields).status_code == 302
    member.refresh_from_db()
    assert not member.is_superuser
    assert browser.post(change(root), fields).status_code == 403
    takeover = {"password1": "taken-over-now", "password2": "taken-over-now", "usable_password": "true"}
    assert browser.post(reverse("admin:auth_user_password_change", args=[root.pk]), takeover).status_code == 403
    root.refresh_from_db()
    assert root.check_password("unguessable-enough")


def test_a_user_with_records_cannot_be_deleted_and_another_user_can(operator: Client) -> None:
    owner = User.objects.create_user("owner")
    leaver = User.objects.create_user("leaver")
    usage = record(Exchange(messages=({"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"})))
    type(usage).objects.filter(pk=usage.pk).update(principal=owner)
    for user, status in ((owner, 403), (leaver, 302)):
        response = operator.post(reverse("admin:sessions_store_user_delete", args=[user.pk]), {"post": "yes"})
        assert response.status_code == status
    assert set(User.objects.filter(username__in=["owner", "leaver"]).values_list("username", flat=True)) == {"owner"}


def test_a_new_user_can_be_created(operator: Client) -> None:
    fields = {
        "username": "linus",
        "usable_password": "true",
        "password1": "penguins-like-fish",
        "password2": "penguins-like-fish",
    }
    assert operator.post(reverse("admin:sessions_store_user_add"), fields).status_code == 302
    assert User.objects.get(username="linus").check_password("penguins-like-fish")
