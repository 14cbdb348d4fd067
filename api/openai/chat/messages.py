"""The messages of a chat request, one TypedDict per role, as OpenAI's `ChatCompletion*MessageParam` describe them.

Keys that are not listed stay in the message untouched. The ones typed `Any` are not OpenAI's: clients send them back
because other servers answered with them, and some carry Gemini's thought signatures.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, Field, Tag
from typing_extensions import TypedDict

from api.openai.shared.content import (
    ASSISTANT_PARTS,
    TOOL_PARTS,
    AssistantContent,
    Text,
    TextContent,
    ToolContent,
    UserContent,
)
from api.openai.shared.text_fields import AsText
from api.openai.shared.unions import STOP_AT_FIRST, by_field

# Far above what any model calls at once; a bound for hostile lists.
MAX_CALLS = 1024
Name = Annotated[str, Field(min_length=1, max_length=256)]
# Of a call that was made already: models and clients write names that nobody declared, empty ones too.
PastName = Annotated[str, Field(max_length=256)]
CallId = Annotated[str, Field(min_length=1)]


class FunctionCall(TypedDict):
    """A function's name and its arguments as JSON text (`""` means no arguments)."""

    name: PastName
    arguments: str
    extra_content: NotRequired[Any]


class FunctionToolCall(TypedDict):
    """A call of a function that the assistant made."""

    id: CallId
    type: Literal["function"]
    function: Annotated[FunctionCall, AsText("arguments")]
    extra_content: NotRequired[Any]
    provider_specific_fields: NotRequired[Any]
    thought_signature: NotRequired[Any]
    thoughtSignature: NotRequired[Any]


class CustomCall(TypedDict):
    """A custom tool's name and its free-text input."""

    name: PastName
    input: str


class CustomToolCall(TypedDict):
    """A call of a custom (free-text) tool that the assistant made."""

    id: CallId
    type: Literal["custom"]
    custom: Annotated[CustomCall, AsText("input")]
    extra_content: NotRequired[Any]
    provider_specific_fields: NotRequired[Any]
    thought_signature: NotRequired[Any]
    thoughtSignature: NotRequired[Any]


def _with_type(call: Any) -> Any:
    """Give a call without a type that of its field: clients that put a stream's pieces together lose the type."""
    if type(call) is dict and call.get("type") is None:
        kind = next((field for field in ("function", "custom") if type(call.get(field)) is dict), None)
        if kind is not None:
            call["type"] = kind
    return call


ToolCall = Annotated[
    Annotated[FunctionToolCall, Tag("<function>")] | Annotated[CustomToolCall, Tag("<custom>")],
    by_field("type", "function", "custom"),
    BeforeValidator(_with_type),
]


class AudioReference(TypedDict):
    """An earlier spoken answer, by its id."""

    id: str


class SystemMessage(TypedDict):
    """Instructions for the whole conversation."""

    role: Literal["system"]
    content: TextContent
    name: NotRequired[str | None]


class DeveloperMessage(TypedDict):
    """Instructions too: the newer name of the system role."""

    role: Literal["developer"]
    content: TextContent
    name: NotRequired[str | None]


class UserMessage(TypedDict):
    """What the user says or shows."""

    role: Literal["user"]
    content: UserContent
    name: NotRequired[str | None]


class AssistantMessage(TypedDict):
    """An earlier answer. Clients send it back whole, with nulls, or with calls and without `content`."""

    role: Literal["assistant"]
    content: NotRequired[AssistantContent | None]
    name: NotRequired[str | None]
    refusal: NotRequired[str | None]
    audio: NotRequired[AudioReference | None]
    tool_calls: NotRequired[Annotated[list[ToolCall], Field(max_length=MAX_CALLS), STOP_AT_FIRST] | None]
    function_call: NotRequired[Annotated[FunctionCall, AsText("arguments")] | None]
    reasoning_content: NotRequired[Any]
    extra_content: NotRequired[Any]
    provider_specific_fields: NotRequired[Any]
    thought_signature: NotRequired[Any]
    thoughtSignature: NotRequired[Any]


class ToolMessage(TypedDict):
    """The result of one tool call, named by the call's id. `name` is not OpenAI's, yet many clients send it."""

    role: Literal["tool"]
    content: ToolContent
    tool_call_id: CallId
    name: NotRequired[str | None]


class FunctionMessage(TypedDict):
    """The result of a legacy `function_call`."""

    role: Literal["function"]
    name: Name
    content: Text | None


Message = Annotated[
    Annotated[UserMessage, Tag("<user>")]
    | Annotated[AssistantMessage, AsText("content", ASSISTANT_PARTS, values=False, null_stays=True), Tag("<assistant>")]
    | Annotated[SystemMessage, Tag("<system>")]
    | Annotated[DeveloperMessage, Tag("<developer>")]
    | Annotated[ToolMessage, AsText("content", TOOL_PARTS, "image_url"), Tag("<tool>")]
    | Annotated[FunctionMessage, AsText("content", null_stays=True), Tag("<function>")],
    by_field("role", "system", "developer", "user", "assistant", "tool", "function"),
]
