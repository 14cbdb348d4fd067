"""Requests of a user of a chat session, and the stored session."""

from typing import Any

import httpx2

from sessions_store.models import ChatSession, Message
from tests.exchanges import CHAT, chat_body, chat_message


def ask(http: httpx2.Client, user: str, *messages: Any, session: str = "", **changes: Any) -> httpx2.Response:
    """Send a chat request with texts (user messages) or whole messages."""
    whole = [chat_message(message) if isinstance(message, str) else message for message in messages]
    headers = {"x-session-id": session} if session else {}
    response = http.post(CHAT, json=chat_body(messages=whole, user=user, **changes), headers=headers)
    assert response.status_code == 200, response.text
    return response


def completion_text(response: httpx2.Response) -> str:
    """Return the text of a completion."""
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


def content_texts(body: Any) -> list[str]:
    """Return the texts of a request to Gemini, one per content."""
    return ["".join(part.get("text", "") for part in content["parts"]) for content in body["contents"]]


def session_of(user: str, name: str = "") -> ChatSession:
    """Return the active session of a user."""
    return ChatSession.objects.get(user=user, name=name, ended_at=None)


def transcript(session: ChatSession) -> list[Message]:
    """Return the messages from the root to the session's head."""
    path: list[Message] = []
    node: Message | None = session.head
    while node is not None:
        path.insert(0, node)
        node = node.parent
    return path
