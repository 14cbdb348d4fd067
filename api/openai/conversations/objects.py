"""The conversation object, list pages and the small objects of the Responses API
(https://platform.openai.com/docs/api-reference/conversations/object).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import TypedDict

from api.openai.responses.response import ResponseUsage


class Conversation(TypedDict):
    """A conversation; `created_at` is in Unix seconds."""

    id: str
    object: Literal["conversation"]
    created_at: int
    metadata: dict[str, str]


class Deleted(TypedDict):
    """The confirmation of a deletion; `object` names the deleted object's type."""

    id: str
    object: Literal["conversation.deleted", "response", "chat.completion.deleted"]
    deleted: bool


class ListPage(TypedDict):
    """A page of a list; `first_id` and `last_id` are "" on an empty page, which has `has_more` false.

    OpenAI's document declares both ids as required strings.
    """

    object: Literal["list"]
    data: list[Any]
    first_id: str
    last_id: str
    has_more: bool


class InputTokens(TypedDict):
    """The number of input tokens."""

    object: Literal["response.input_tokens"]
    input_tokens: int


class CompactedResponse(TypedDict):
    """A compacted conversation: the remaining messages and one compaction item, to be sent as input."""

    id: str
    object: Literal["response.compaction"]
    created_at: int
    output: list[dict[str, Any]]
    usage: ResponseUsage


def list_page(data: Sequence[Mapping[str, Any]], *, has_more: bool) -> ListPage:
    """Return the page of objects, each with an `id`."""
    return {
        "object": "list",
        "data": list(data),
        "first_id": data[0]["id"] if data else "",
        "last_id": data[-1]["id"] if data else "",
        "has_more": has_more and bool(data),
    }
