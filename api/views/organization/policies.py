"""Settings of OpenAI's that are fields of our policies: `model_permissions` of a project, and `data_retention` of a
project and of the organization (metadata only).
"""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import DataRetention, ModelPermissions, SettingDeleted
from api.openai.organization.query import invalid, read_query
from api.openai.organization.requests import (
    ModelPermissionsUpdate,
    OrganizationRetentionUpdate,
    ProjectRetentionUpdate,
)
from api.views.operation import Operation
from api.views.organization.view import OrganizationView, answer, project_of, read_body
from sessions_store.accounts.audit import Actor, Change, log_change
from sessions_store.accounts.issuing import change_gateway_policy, change_project_policy
from sessions_store.accounts.policy import PolicyError
from sessions_store.models import Organization, Project

METADATA_ONLY: Final = "zero_data_retention"
# Content is stored for the application, and no log for abuse monitoring exists.
ORGANIZATION_FULL: Final = "modified_abuse_monitoring"
PROJECT_FULL: Final = "none"
INHERITED: Final = "organization_default"


class ModelPermissionsView(OrganizationView):
    """The models of a project."""

    @Operation(
        name="retrieveModelPermissions", what="Return the models that a project may use.", response=ModelPermissions
    )
    async def get(self, request: HttpRequest, project: str) -> HttpResponse:
        """Return the permissions; without any, an empty list of denied models."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(lambda: _permissions(project_of(project))))

    @Operation(
        name="updateModelPermissions",
        what="Set the models that a project may use.",
        response=ModelPermissions,
        body=ModelPermissionsUpdate,
    )
    async def post(self, request: HttpRequest, project: str) -> HttpResponse:
        """Replace the permissions."""
        body = await read_body(request, ModelPermissionsUpdate)
        models = {"mode": body.mode, "model_ids": body.model_ids}
        return answer(await self.services.store.write(_permit, self.actor, project, models))

    @Operation(name="deleteModelPermissions", what="Permit a project to use every model.", response=SettingDeleted)
    async def delete(self, request: HttpRequest, project: str) -> HttpResponse:
        """Delete the permissions."""
        return answer(await self.services.store.write(_permit_all, self.actor, project))


class DataRetentionView(OrganizationView):
    """What is stored of all requests."""

    @Operation(name="retrieveDataRetention", what="Return what is stored of all requests.", response=DataRetention)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """Return the setting of the organization."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(_retention))

    @Operation(
        name="updateDataRetention",
        what="Set what is stored of all requests.",
        response=DataRetention,
        body=OrganizationRetentionUpdate,
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Change the setting of the organization."""
        body = await read_body(request, OrganizationRetentionUpdate)
        return answer(await self.services.store.write(_retain, self.actor, body.retention_type))


class ProjectDataRetentionView(OrganizationView):
    """What is stored of a project's requests."""

    @Operation(
        name="retrieveProjectDataRetention",
        what="Return what is stored of the requests of a project.",
        response=DataRetention,
    )
    async def get(self, request: HttpRequest, project: str) -> HttpResponse:
        """Return the setting of the project."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(lambda: _project_retention(project_of(project))))

    @Operation(
        name="updateProjectDataRetention",
        what="Set what is stored of the requests of a project.",
        response=DataRetention,
        body=ProjectRetentionUpdate,
    )
    async def post(self, request: HttpRequest, project: str) -> HttpResponse:
        """Change the setting of the project."""
        body = await read_body(request, ProjectRetentionUpdate)
        return answer(await self.services.store.write(_retain_of_project, self.actor, project, body.retention_type))


def _permissions(project: Project) -> ModelPermissions:
    models = project.policy.get("models") or {"mode": "deny_list", "model_ids": []}
    return {"object": "project.model_permissions", "mode": models["mode"], "model_ids": list(models["model_ids"])}


def _permit(actor: Actor, project_id: str, models: dict[str, Any]) -> ModelPermissions:
    project = project_of(project_id)
    _change(actor, project, {**project.policy, "models": models}, {"model_permissions": models})
    return _permissions(project)


def _permit_all(actor: Actor, project_id: str) -> SettingDeleted:
    project = project_of(project_id)
    deleted = "models" in project.policy
    if deleted:
        policy = {name: value for name, value in project.policy.items() if name != "models"}
        _change(actor, project, policy, {"model_permissions": None})
    return {"object": "project.model_permissions.deleted", "deleted": deleted}


def _retention() -> DataRetention:
    organization = Organization.objects.filter(pk=1).first()
    content = "full" if organization is None else organization.policy.get("content", "full")
    return {
        "object": "organization.data_retention",
        "type": METADATA_ONLY if content == "metadata" else ORGANIZATION_FULL,
    }


def _retain(actor: Actor, wanted: str) -> DataRetention:
    organization, _ = Organization.objects.get_or_create(pk=1)
    policy = {name: value for name, value in organization.policy.items() if name != "content"}
    if wanted == METADATA_ONLY:
        policy["content"] = "metadata"
    organization = change_gateway_policy(policy)
    requested = {"data_retention": wanted}
    log_change(
        actor, Change(event="organization.updated", target=organization, public_id="organization", requested=requested)
    )
    return _retention()


def _project_retention(project: Project) -> DataRetention:
    content = project.policy.get("content")
    if content is None:
        return {"object": "project.data_retention", "type": INHERITED}
    return {"object": "project.data_retention", "type": METADATA_ONLY if content == "metadata" else PROJECT_FULL}


def _retain_of_project(actor: Actor, project_id: str, wanted: str) -> DataRetention:
    project = project_of(project_id)
    policy = {name: value for name, value in project.policy.items() if name != "content"}
    if wanted != INHERITED:
        policy["content"] = "metadata" if wanted == METADATA_ONLY else "full"
    _change(actor, project, policy, {"data_retention": wanted})
    return _project_retention(project)


def _change(actor: Actor, project: Project, policy: dict[str, Any], requested: dict[str, Any]) -> None:
    """Change a project's policy with an entry in the audit log; raises InvalidRequestError for an invalid one."""
    try:
        change_project_policy(project, policy)
    except PolicyError as error:
        raise invalid(next(iter(requested)), str(error).removesuffix(".")) from None
    change = Change(
        event="project.updated", target=project, public_id=project.public_id, project=project, requested=requested
    )
    log_change(actor, change)
