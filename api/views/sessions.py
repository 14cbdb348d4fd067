"""`GET /v1/sessions` and `DELETE /v1/sessions/{user}`: the stored chat sessions, and their deletion. An extension of
OpenAI's API.
"""

from typing import Final, Literal

from django.http import HttpRequest, HttpResponse
from typing_extensions import TypedDict

from api.errors import NotFoundError
from api.http.view import GatewayView, json_response
from api.views.operation import Operation, OperationParameter
from api.views.responding import session_name
from sessions_store.state.chat_sessions import SessionSummary, erase_sessions, list_sessions

ONE_SESSION: Final = OperationParameter(
    name="X-Session-Id",
    schema={"type": "string", "pattern": "^[\\x21-\\x7e]{1,200}$"},
    what="Delete only this session of the user.",
    place="header",
)


class Session(TypedDict):
    """A chat session; times are Unix seconds. `name` is the value of `X-Session-Id`."""

    id: str
    object: Literal["session"]
    user: str
    name: str
    title: str
    messages: int
    created_at: int
    last_active_at: int
    active: bool


class SessionList(TypedDict):
    """All sessions of the caller, without pages."""

    object: Literal["list"]
    data: list[Session]


class SessionsDeleted(TypedDict):
    """The user and the number of deleted sessions."""

    object: Literal["session.deleted"]
    user: str
    deleted: bool
    sessions: int


class SessionListView(GatewayView):
    """The chat sessions of the caller."""

    family = "sessions"

    @Operation(
        name="listSessions",
        what="List the chat sessions of the caller, newest first. Not OpenAI's.",
        response=SessionList,
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """List the sessions, the newest first."""
        sessions = await self.services.store.read(list_sessions, self.caller.owner_id)
        body: SessionList = {"object": "list", "data": [_session(session) for session in sessions]}
        return json_response(body)


class SessionView(GatewayView):
    """All sessions of one user of the caller, or with `X-Session-Id` one of them."""

    family = "sessions"

    @Operation(
        name="deleteSessions",
        what="Delete all chat sessions of a user, or the session named by X-Session-Id. Not OpenAI's.",
        response=SessionsDeleted,
        parameters=(ONE_SESSION,),
    )
    async def delete(self, request: HttpRequest, user: str) -> HttpResponse:
        """Delete the sessions with their messages; usage stays. Foreign and missing sessions give the same 404."""
        name = session_name(request) if "HTTP_X_SESSION_ID" in request.META else None
        forgotten = await self.services.store.write(erase_sessions, self.caller.owner_id, user, name)
        if not forgotten:
            raise NotFoundError("No chat session found for this user.", param="user")
        body: SessionsDeleted = {"object": "session.deleted", "user": user, "deleted": True, "sessions": forgotten}
        return json_response(body)


def _session(session: SessionSummary) -> Session:
    return {
        "id": session.public_id,
        "object": "session",
        "user": session.user,
        "name": session.name,
        "title": session.title,
        "messages": session.messages,
        "created_at": int(session.started_at.timestamp()),
        "last_active_at": int(session.last_active_at.timestamp()),
        "active": session.active,
    }
