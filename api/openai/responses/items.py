"""The items of a Responses request (`input`) and of a conversation, after openai's `ResponseInputItemParam`.

Items with a translation are typed in full. Items of OpenAI's own tools are recognised by their `type` alone, so that a
history with them is accepted. A type that OpenAI does not have is rejected.
"""

from typing import Annotated, Any, Final, Literal, NotRequired, get_args

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypedDict

from api.openai.chat.messages import Name, PastName
from api.openai.responses.content import ITEM_PARTS, ItemContent, Summary
from api.openai.responses.tools import ResponseTools
from api.openai.shared.content import Text
from api.openai.shared.text_fields import AsText
from api.openai.shared.unions import FIELD_ERROR, STOP_AT_FIRST, by_kind

# Far above what a client sends; a bound against hostile lists.
MAX_ITEMS = 16_384
_PARTS: Final = frozenset(ITEM_PARTS)
CallID = Annotated[str, Field(min_length=1, max_length=64)]
ItemID = Annotated[str, Field(max_length=256)]


class Message(TypedDict):
    """A message of any role; the content of an assistant's may be a string. `type` is optional."""

    type: NotRequired[Literal["message"] | None]
    role: Literal["user", "assistant", "system", "developer"]
    content: ItemContent
    id: NotRequired[ItemID | None]
    status: NotRequired[str | None]
    phase: NotRequired[str | None]


class FunctionCall(TypedDict):
    """A function call of an earlier response; `arguments` is JSON text."""

    type: Literal["function_call"]
    call_id: CallID
    name: PastName
    arguments: str
    id: NotRequired[ItemID | None]
    namespace: NotRequired[Annotated[str, Field(max_length=256)] | None]
    status: NotRequired[str | None]


class FunctionCallOutput(TypedDict):
    """The result of a function call, matched by the call's id, or by the function's name."""

    type: Literal["function_call_output"]
    output: ItemContent
    call_id: NotRequired[CallID | None]
    name: NotRequired[Name | None]
    id: NotRequired[ItemID | None]
    status: NotRequired[str | None]


class CustomToolCall(TypedDict):
    """A custom (free-text) tool call of an earlier response."""

    type: Literal["custom_tool_call"]
    call_id: CallID
    name: PastName
    input: str
    id: NotRequired[ItemID | None]
    namespace: NotRequired[Annotated[str, Field(max_length=256)] | None]


class CustomToolCallOutput(TypedDict):
    """The result of a custom tool call, matched by the call's id, or by the tool's name."""

    type: Literal["custom_tool_call_output"]
    output: ItemContent
    call_id: NotRequired[CallID | None]
    name: NotRequired[Name | None]
    id: NotRequired[ItemID | None]


class Reasoning(TypedDict):
    """The reasoning of an earlier response; `encrypted_content` carries thought signatures for clients without storage
    here.
    """

    type: Literal["reasoning"]
    summary: Summary | None
    id: NotRequired[ItemID | None]
    content: NotRequired[list[Any] | None]
    encrypted_content: NotRequired[Text | None]


class ItemReference(TypedDict):
    """A reference to a stored item by its id. `type` is optional."""

    type: NotRequired[Literal["item_reference"] | None]
    id: Annotated[str, Field(min_length=1, max_length=256)]


class Compaction(TypedDict):
    """The compaction item of `POST /v1/responses/compact`."""

    type: Literal["compaction"]
    encrypted_content: Text
    id: NotRequired[ItemID | None]


class AdditionalTools(TypedDict):
    """Tools inside the input, in addition to `tools`."""

    type: Literal["additional_tools"]
    role: NotRequired[str | None]
    tools: ResponseTools
    id: NotRequired[ItemID | None]


class ConfigurationUpdate(TypedDict):
    """Settings for the following items."""

    type: Literal["configuration_update"]
    reasoning: NotRequired[dict[str, Any] | None]
    text: NotRequired[dict[str, Any] | None]


class ToolSearchCall(TypedDict):
    """A search for tools; with `execution` `client`, the client performs the search."""

    type: Literal["tool_search_call"]
    arguments: Any
    call_id: NotRequired[CallID | None]
    execution: NotRequired[str | None]


class ToolSearchOutput(TypedDict):
    """The tools found by a search; the model may call them in the following items."""

    type: Literal["tool_search_output"]
    tools: ResponseTools
    call_id: NotRequired[CallID | None]
    execution: NotRequired[str | None]


class ImageGenerationCall(TypedDict):
    """An image of an earlier response, in base64."""

    type: Literal["image_generation_call"]
    result: NotRequired[str | None]
    output_format: NotRequired[str | None]


# Items of tools that run at OpenAI, or that only OpenAI's models understand.
OtherItemType = Literal[
    "file_search_call",
    "web_search_call",
    "code_interpreter_call",
    "computer_call",
    "computer_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "program",
    "program_output",
    "compaction_trigger",
]
OTHER_ITEMS: Final[tuple[str, ...]] = get_args(OtherItemType)


class OtherItem(TypedDict):
    """An item of one of OpenAI's own tools; other keys are preserved."""

    type: OtherItemType


READ_ITEMS: Final = (
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "item_reference",
    "compaction",
    "additional_tools",
    "configuration_update",
    "tool_search_call",
    "tool_search_output",
    "image_generation_call",
)
_TAGS: Final = {**{name: f"<{name}>" for name in READ_ITEMS}, **dict.fromkeys(OTHER_ITEMS, "<other>")}


class _AssistantAsText(AsText):
    """`AsText` for assistant messages only: user messages are the request itself."""

    def looks_at(self, value: dict[str, Any]) -> bool:
        """Return whether `value` is an assistant message."""
        return value.get("role") == "assistant"


def item_type(item: dict[str, Any]) -> str | None:
    """Return an item's type; without `type`, an item with a role is a message and an item with an id a reference."""
    kind = item.get("type")
    if kind is None:
        return "message" if "role" in item else "item_reference" if "id" in item else None
    return kind if type(kind) is str else None


def _tag(value: Any) -> str | None:
    kind = item_type(value) if type(value) is dict else None
    return None if kind is None else _TAGS.get(kind)


Item = Annotated[
    Annotated[Message, _AssistantAsText("content", _PARTS, values=False), Tag("<message>")]
    | Annotated[FunctionCall, AsText("arguments"), Tag("<function_call>")]
    | Annotated[FunctionCallOutput, AsText("output", _PARTS, "input_image"), Tag("<function_call_output>")]
    | Annotated[CustomToolCall, AsText("input"), Tag("<custom_tool_call>")]
    | Annotated[CustomToolCallOutput, AsText("output", _PARTS, "input_image"), Tag("<custom_tool_call_output>")]
    | Annotated[Reasoning, Tag("<reasoning>")]
    | Annotated[ItemReference, Tag("<item_reference>")]
    | Annotated[Compaction, Tag("<compaction>")]
    | Annotated[AdditionalTools, Tag("<additional_tools>")]
    | Annotated[ConfigurationUpdate, Tag("<configuration_update>")]
    | Annotated[ToolSearchCall, Tag("<tool_search_call>")]
    | Annotated[ToolSearchOutput, Tag("<tool_search_output>")]
    | Annotated[ImageGenerationCall, Tag("<image_generation_call>")]
    | Annotated[OtherItem, Tag("<other>")],
    Discriminator(
        _tag,
        custom_error_type=f"{FIELD_ERROR}type",
        custom_error_message=", ".join(f"'{name}'" for name in (*READ_ITEMS, *OTHER_ITEMS)),
    ),
]
Items = Annotated[list[Item], Field(max_length=MAX_ITEMS), STOP_AT_FIRST]
ResponseInput = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[Items, Tag("<array>")], by_kind("string", "array")
]
