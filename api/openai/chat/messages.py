"""The messages of a chat request, one TypedDict per role, as OpenAI's `ChatCompletion*MessageParam` describe them.

Undeclared keys stay in the message. The keys typed `Any` are not OpenAI's: clients return them because other servers
send them, and some carry Gemini's thought signatures.
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

# Far above the calls of one model response; a bound against hostile lists.
MAX_CALLS = 1024
Name = Annotated[str, Field(min_length=1, max_length=256)]
# The name in an earlier call: models and clients write undeclared and empty names too.
PastName = Annotated[str, Field(max_length=256)]
CallId = Annotated[str, Field(min_length=1)]


class FunctionCall(TypedDict):
    """A function's name and its arguments as JSON text (`""` means no arguments)."""

    name: PastName
    arguments: str
    extra_content: NotRequired[Any]


class FunctionToolCall(TypedDict):
    """A function call of the assistant."""

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
    """A custom (free-text) tool call of the assistant."""

    id: CallId
    type: Literal["custom"]
    custom: Annotated[CustomCall, AsText("input")]
    extra_content: NotRequired[Any]
    provider_specific_fields: NotRequired[Any]
    thought_signature: NotRequired[Any]
    thoughtSignature: NotRequired[Any]


def _with_type(call: Any) -> Any:
    """Infer a missing `type` from the call's fields: some clients lose the type when they join chunks."""
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
    """A reference to earlier generated speech by its id."""

    id: str


class SystemMessage(TypedDict):
    """Instructions for the whole conversation."""

    role: Literal["system"]
    content: TextContent
    name: NotRequired[str | None]


class DeveloperMessage(TypedDict):
    """Instructions; the newer name of the system role."""

    role: Literal["developer"]
    content: TextContent
    name: NotRequired[str | None]


class UserMessage(TypedDict):
    """A message of the user."""

    role: Literal["user"]
    content: UserContent
    name: NotRequired[str | None]


class AssistantMessage(TypedDict):
    """An earlier message of the assistant. Clients send nulls in it, or calls without `content`."""

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
    """The result of a tool call, matched by the call's id. `name` is not OpenAI's, but many clients send it."""

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
