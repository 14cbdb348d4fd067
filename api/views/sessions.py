"""`GET /v1/sessions` and `DELETE /v1/sessions/{user}`: what is remembered, and forgetting it. Our own addition."""

from django.http import HttpRequest, HttpResponse

from api.errors import NotFoundError
from api.runtime import runtime
from api.views.base import GatewayView, json_response
from sessions_store.chat_sessions import SessionSummary, forget, list_sessions


class SessionListView(GatewayView):
    """The chat sessions of the caller."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """List them, newest first."""
        sessions = await runtime().store.read(list_sessions, self.caller.principal_id)
        return json_response({"object": "list", "data": [_session(session) for session in sessions]})


class SessionView(GatewayView):
    """All sessions of one user of the caller's; `X-Session-Id` narrows it to one."""

    async def delete(self, request: HttpRequest, user: str) -> HttpResponse:
        """Forget them with their messages; usage stays. The same 404 whether they never were or are another's."""
        name = request.META.get("HTTP_X_SESSION_ID") or None
        forgotten = await runtime().store.write(forget, self.caller.principal_id, user, name)
        if not forgotten:
            raise NotFoundError("No chat session of this user is remembered.", param="user")
        return json_response({"object": "session.deleted", "user": user, "deleted": True, "sessions": forgotten})


def _session(session: SessionSummary) -> dict[str, object]:
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
