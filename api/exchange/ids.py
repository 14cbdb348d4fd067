"""Ids of the objects that an exchange creates: short, unguessable, one per object for its whole life."""

import secrets
import time
from collections.abc import Iterator


def completion_id() -> str:
    """Return the id of a chat completion, the same in every chunk of its stream."""
    return f"chatcmpl-{secrets.token_hex(12)}"


def legacy_completion_id() -> str:
    """Return the id of a legacy completion."""
    return f"cmpl-{secrets.token_hex(12)}"


def session_id() -> str:
    """Return the public id of a chat session. It begins with the time, so new ids go to the end of the index."""
    return f"sess_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def audio_ids() -> Iterator[str]:
    """Yield ids for audio responses, one for each choice."""
    while True:
        yield f"audio_{secrets.token_hex(12)}"


def call_ids() -> Iterator[str]:
    """Yield ids for tool calls."""
    while True:
        yield f"call_{secrets.token_hex(12)}"


def response_id() -> str:
    """Return the id of a response."""
    return f"resp_{secrets.token_hex(24)}"


def conversation_id() -> str:
    """Return the id of a conversation."""
    return f"conv_{secrets.token_hex(24)}"


def item_ids() -> Iterator[str]:
    """Yield the unique part of the ids of output items; the caller prefixes the item's kind."""
    while True:
        yield secrets.token_hex(24)
