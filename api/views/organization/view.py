"""The base of the views of the Administration API: authentication by an admin key, bodies, responses."""

import time
from contextlib import suppress
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
from sessions_store.accounts.issuing import IssuingError, note_key_use
from sessions_store.models import Project
from sessions_store.writing.store import StoreError

Body = TypeVar("Body", bound=RequestModel)
# The time of use is stored at most once in this time (governance G8).
USE_SECONDS: Final = 60.0
_noted: dict[int, float] = {}  # the last time by admin key


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
            raise unknown_url(self.request)
        self.catalogue = catalogue
        self.administrator = authenticate_administrator(catalogue.access, credentials)
        self.caller = self.administrator.caller
        await self._note_use()

    async def _note_use(self) -> None:
        """Store the time and the address of the key's use, unless this process has just done so."""
        key, now = self.administrator.id, time.monotonic()
        if now - _noted.get(key, -USE_SECONDS) < USE_SECONDS:
            return
        _noted[key] = now
        with suppress(StoreError):  # a database that accepts no writes can still be read
            await self.services.store.write(note_key_use, key, self.address)

    @property
    def actor(self) -> Actor:
        """The administrator, for the audit log."""
        return Actor(self.caller.principal_id, self.caller.key, self.address)


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


def stamp(at: datetime | None) -> int | None:
    """Return a time in Unix seconds."""
    return None if at is None else int(at.timestamp())


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
