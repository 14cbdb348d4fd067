"""The base of the views of the Administration API: authentication by an admin key, bodies, responses."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar

from django.http import HttpRequest, HttpResponse

from api.auth.admission import Credentials
from api.auth.authentication import authenticate_administrator
from api.errors import InvalidRequestError, NotFoundError
from api.http.view import EVERY_KEY, GatewayView, json_body, json_response
from api.openai.shared.request_model import RequestModel
from api.views.unknown import unknown_url
from sessions_store.accounts.access import AccessKey
from sessions_store.accounts.audit import Actor
from sessions_store.accounts.issuing import IssuingError
from sessions_store.models import Key, Project

Body = TypeVar("Body", bound=RequestModel)
# The time of use is stored at most once in this time (governance G8).
USE_INTERVAL: Final = timedelta(minutes=1)


class OrganizationView(GatewayView):
    """A view for admin keys. Its responses are not stored by caches, because some of them contain keys."""

    family: ClassVar[str] = EVERY_KEY
    administrator: AccessKey

    async def identify(self, credentials: Credentials) -> None:
        """Authenticate the administrator. Without any admin key, the path is an unknown URL for every client.

        Raises NotFoundError and the errors of `authenticate` and `authenticate_administrator`.
        """
        catalogue = await self.services.store.catalogue()
        if not catalogue.access.has_admin_keys:
            await super().identify(credentials)
            raise unknown_url(self.request)  # type: ignore[arg-type]  # DRF's annotation is its own Request
        self.catalogue = catalogue
        self.administrator = authenticate_administrator(catalogue.access, credentials)
        self.caller = self.administrator.caller
        await self.services.store.write(_note_use, self.administrator.id, credentials.peer)

    @property
    def actor(self) -> Actor:
        """The administrator, for the audit log."""
        return Actor(self.caller.principal_id, self.caller.key, str(self.request.META.get("REMOTE_ADDR", "")))


def answer(body: Any) -> HttpResponse:
    """Return a JSON response that caches do not store."""
    response = json_response(body)
    response["Cache-Control"] = "no-store"
    return response


async def read_body(request: HttpRequest, model: type[Body], *, optional: bool = False) -> Body:
    """Return the parsed body; an `optional` body may be empty. An unknown parameter raises InvalidRequestError."""
    body = await json_body(request)
    parsed = model.read(b"{}" if optional and not body.strip() else body)
    if parsed.unknown:
        name = parsed.unknown[0]
        raise InvalidRequestError(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    return parsed


def stamp(time: datetime | None) -> int | None:
    """Return a time in Unix seconds."""
    return None if time is None else int(time.timestamp())


def expiry(seconds: int | None) -> datetime | None:
    """Return the time `seconds` from now; None without a number."""
    return None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)


def missing(kind: str, param: str) -> NotFoundError:
    """Return the error for an object that does not exist in its place."""
    return NotFoundError(f"No such {kind}.", param=param, code="not_found")


def rejected(error: IssuingError, param: str | None = None) -> InvalidRequestError:
    """Return the 400 of a change that is not possible."""
    return InvalidRequestError(str(error), param=param, code="invalid_value")


def project_of(project_id: str) -> Project:
    """Return a project by its public id; raises NotFoundError."""
    found = Project.objects.filter(public_id=project_id).first()
    if found is None:
        raise missing("project", "project_id")
    return found


def _note_use(key_id: int, address: str) -> None:
    """Store the time and the address of a key's use. `update` sends no signal: the snapshot of keys stays valid."""
    now = datetime.now(UTC)
    key = Key.objects.filter(pk=key_id)
    key.exclude(last_used_at__gt=now - USE_INTERVAL).update(last_used_at=now, last_used_from=address[:64])
