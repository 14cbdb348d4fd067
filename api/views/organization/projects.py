"""`/v1/organization/projects`: the projects, which are created, renamed and archived here."""

from django.http import HttpRequest, HttpResponse

from api.openai.organization.objects import Page, Project
from api.openai.organization.query import PAGE_NAMES, PageQuery, page_of, read_query
from api.openai.organization.requests import ProjectCreate, ProjectUpdate
from api.views.operation import Operation, OperationParameter
from api.views.organization.paging import AFTER, LIMIT, page
from api.views.organization.view import OrganizationView, answer, project_of, read_body, rejected, stamp
from sessions_store.accounts.audit import Actor, Change, log_change
from sessions_store.accounts.issuing import IssuingError, archive_project, create_project, rename_project
from sessions_store.models import Project as ProjectRow

_ARCHIVED = OperationParameter(
    name="include_archived", schema={"type": "boolean", "default": False}, what="Also list archived projects."
)


class ProjectsView(OrganizationView):
    """All projects."""

    @Operation(
        name="listProjects", what="List the projects.", response=Page[Project], parameters=(AFTER, LIMIT, _ARCHIVED)
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the projects, the oldest first."""
        query = read_query(self.query_pairs(request), one=(*PAGE_NAMES, "include_archived"))
        archived = query.flag("include_archived") is True
        return answer(await self.services.store.read(_list, page_of(query), archived=archived))

    @Operation(
        name="createProject",
        what="Create a project.",
        response=Project,
        body=ProjectCreate,
        gives=("project", "/id"),
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Create a project."""
        body = await read_body(request, ProjectCreate)
        return answer(await self.services.store.write(_create, self.actor, body.name))


class ProjectView(OrganizationView):
    """One project."""

    @Operation(name="retrieveProject", what="Return a project.", response=Project)
    async def get(self, request: HttpRequest, project: str) -> HttpResponse:
        """Return the project, archived or not."""
        read_query(self.query_pairs(request))
        return answer(await self.services.store.read(lambda: _encode(project_of(project))))

    @Operation(name="updateProject", what="Rename a project.", response=Project, body=ProjectUpdate)
    async def post(self, request: HttpRequest, project: str) -> HttpResponse:
        """Rename the project."""
        body = await read_body(request, ProjectUpdate)
        return answer(await self.services.store.write(_rename, self.actor, project, body.name))


class ArchiveView(OrganizationView):
    """The end of a project."""

    @Operation(
        name="archiveProject",
        what="Archive a project: its keys are rejected, its stored objects stay.",
        response=Project,
    )
    async def post(self, request: HttpRequest, project: str) -> HttpResponse:
        """Archive the project."""
        return answer(await self.services.store.write(_archive, self.actor, project))


def _list(query: PageQuery, *, archived: bool) -> Page[Project]:
    projects = ProjectRow.objects.all() if archived else ProjectRow.objects.filter(archived_at=None)
    return page(projects, query, _encode)


def _create(actor: Actor, name: str) -> Project:
    project = create_project(name)
    _log(actor, "project.created", project, {"title": name})
    return _encode(project)


def _rename(actor: Actor, project_id: str, name: str | None) -> Project:
    project = project_of(project_id)
    if name is not None:
        rename_project(project, name)
        _log(actor, "project.updated", project, {"title": name})
    return _encode(project)


def _archive(actor: Actor, project_id: str) -> Project:
    project = project_of(project_id)
    if project.archived_at is None:
        try:
            archive_project(project)
        except IssuingError as error:
            raise rejected(error, "project_id") from None
        _log(actor, "project.archived", project, {})
    return _encode(project)


def _log(actor: Actor, event: str, project: ProjectRow, requested: dict[str, str]) -> None:
    change = Change(event=event, target=project, public_id=project.public_id, project=project, requested=requested)
    log_change(actor, change)


def _encode(project: ProjectRow) -> Project:
    return {
        "object": "organization.project",
        "id": project.public_id,
        "name": project.name,
        "status": "active" if project.archived_at is None else "archived",
        "created_at": int(project.created_at.timestamp()),
        "archived_at": stamp(project.archived_at),
    }
