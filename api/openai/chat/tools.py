"""The tools and `tool_choice` of a chat request, after OpenAI's `ChatCompletionToolUnionParam` and related types."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NotRequired, TypeGuard

from pydantic import Field, Tag
from typing_extensions import TypedDict

from api.openai.chat.messages import Name
from api.openai.shared.unions import STOP_AT_FIRST, by_field, by_kind

MAX_TOOLS = 128
JSONSchema = dict[str, Any]


class FunctionDefinition(TypedDict):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: Name
    description: NotRequired[str | None]
    parameters: NotRequired[JSONSchema | None]
    strict: NotRequired[bool | None]


class FunctionTool(TypedDict):
    """A function as a tool."""

    type: Literal["function"]
    function: FunctionDefinition


class Grammar(TypedDict):
    """The grammar of a custom tool's input."""

    syntax: NotRequired[Literal["lark", "regex"] | None]
    definition: NotRequired[str | None]


class CustomFormat(Grammar):
    """The input format of a custom tool: text or a grammar, under `grammar` in chat and beside `type` in Responses."""

    type: Literal["text", "grammar"]
    grammar: NotRequired[Grammar | None]


class CustomDefinition(TypedDict):
    """A tool that takes free text."""

    name: Name
    description: NotRequired[str | None]
    format: NotRequired[CustomFormat | None]


class CustomTool(TypedDict):
    """A free-text tool."""

    type: Literal["custom"]
    custom: CustomDefinition


class OtherTool(TypedDict):
    """A tool of a type outside of chat completions (`web_search`, `namespace` ...); other keys are preserved."""

    type: str


Tool = Annotated[
    Annotated[FunctionTool, Tag("<function>")]
    | Annotated[CustomTool, Tag("<custom>")]
    | Annotated[OtherTool, Tag("<other>")],
    by_field("type", "function", "custom", other=True),
]


class NamedTool(TypedDict):
    """A tool's name."""

    name: Name


class FunctionChoice(TypedDict):
    """The model must call this function."""

    type: Literal["function"]
    function: NamedTool


class CustomChoice(TypedDict):
    """The model must call this custom tool."""

    type: Literal["custom"]
    custom: NamedTool


class AllowedTools(TypedDict):
    """A subset of the tools, each in the form of `tool_choice`."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[dict[str, Any]], STOP_AT_FIRST]


class AllowedToolsChoice(TypedDict):
    """Only the listed tools may be called."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<string>")]
    | Annotated[
        Annotated[
            Annotated[FunctionChoice, Tag("<function>")]
            | Annotated[CustomChoice, Tag("<custom>")]
            | Annotated[AllowedToolsChoice, Tag("<allowed_tools>")],
            by_field("type", "function", "custom", "allowed_tools"),
        ],
        Tag("<object>"),
    ],
    by_kind("string", "object"),
]
# The deprecated `function_call` parameter.
FunctionCallChoice = Annotated[
    Annotated[Literal["none", "auto"], Tag("<string>")] | Annotated[NamedTool, Tag("<object>")],
    by_kind("string", "object"),
]
Tools = Annotated[list[Tool], Field(max_length=MAX_TOOLS), STOP_AT_FIRST]
Functions = Annotated[list[FunctionDefinition], Field(max_length=MAX_TOOLS), STOP_AT_FIRST]


def is_function_tool(tool: FunctionTool | CustomTool | OtherTool) -> TypeGuard[FunctionTool]:
    """Whether `tool` is a function."""
    return tool["type"] == "function"


def is_custom_tool(tool: FunctionTool | CustomTool | OtherTool) -> TypeGuard[CustomTool]:
    """Whether `tool` takes free text."""
    return tool["type"] == "custom"


def custom_names(tools: Iterable[FunctionTool | CustomTool | OtherTool]) -> frozenset[str]:
    """Return the names of the tools that take free text."""
    return frozenset(tool["custom"]["name"] for tool in tools if is_custom_tool(tool))
