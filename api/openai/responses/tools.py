"""The tools and `tool_choice` of a Responses request, after openai's `ToolParam` and `ToolChoice*Param`.

Functions, custom tools and namespaces are typed in full. Tools that run at OpenAI, and types unknown today, are
recognised by their `type` alone; the translation decides their effect.
"""

from typing import Annotated, Any, Final, Literal, NotRequired, get_args

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypedDict

from api.openai.chat.messages import Name
from api.openai.chat.tools import MAX_TOOLS, CustomFormat, JSONSchema
from api.openai.shared.unions import FIELD_ERROR, STOP_AT_FIRST, by_field, by_kind


class FunctionTool(TypedDict):
    """A function that the model may call; `parameters` is a JSON Schema. `strict` defaults to true."""

    type: Literal["function"]
    name: Name
    parameters: NotRequired[JSONSchema | None]
    strict: NotRequired[bool | None]
    description: NotRequired[str | None]
    defer_loading: NotRequired[bool | None]


class CustomTool(TypedDict):
    """A tool that takes free text."""

    type: Literal["custom"]
    name: Name
    description: NotRequired[str | None]
    format: NotRequired[CustomFormat | None]


class NamespaceTool(TypedDict):
    """Tools under a common name; a call of one states the namespace."""

    type: Literal["namespace"]
    name: Name
    description: NotRequired[str | None]
    tools: Annotated[
        list[
            Annotated[
                Annotated[FunctionTool, Tag("<function>")] | Annotated[CustomTool, Tag("<custom>")],
                by_field("type", "function", "custom"),
            ]
        ],
        Field(max_length=MAX_TOOLS),
        STOP_AT_FIRST,
    ]


class OtherTool(TypedDict):
    """A tool that runs at OpenAI (`web_search`, `mcp` ...) or an unknown one; other keys are preserved."""

    type: str


ResponseTool = Annotated[
    Annotated[FunctionTool, Tag("<function>")]
    | Annotated[CustomTool, Tag("<custom>")]
    | Annotated[NamespaceTool, Tag("<namespace>")]
    | Annotated[OtherTool, Tag("<other>")],
    by_field("type", "function", "custom", "namespace", other=True),
]
ResponseTools = Annotated[list[ResponseTool], Field(max_length=MAX_TOOLS), STOP_AT_FIRST]


class NamedChoice(TypedDict):
    """The model must call this function or custom tool."""

    type: Literal["function", "custom"]
    name: Name
    namespace: NotRequired[str | None]


class AllowedTools(TypedDict):
    """Only the listed tools may be called; each has the form of `tool_choice`."""

    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[dict[str, Any]], Field(max_length=MAX_TOOLS), STOP_AT_FIRST]


HostedChoiceType = Literal[
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "code_interpreter",
    "file_search",
    "image_generation",
    "computer",
    "computer_use",
    "computer_use_preview",
    "mcp",
    "shell",
    "local_shell",
    "apply_patch",
    "programmatic_tool_calling",
]


class HostedChoice(TypedDict):
    """The model must use this hosted tool of OpenAI."""

    type: HostedChoiceType


_CHOICE_TAGS: Final = {
    "function": "<named>",
    "custom": "<named>",
    "allowed_tools": "<allowed_tools>",
    **dict.fromkeys(get_args(HostedChoiceType), "<hosted>"),
}


def _choice_tag(value: Any) -> str | None:
    kind = value.get("type") if type(value) is dict else None
    return _CHOICE_TAGS.get(kind) if type(kind) is str else None


ResponseToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<string>")]
    | Annotated[
        Annotated[
            Annotated[NamedChoice, Tag("<named>")]
            | Annotated[AllowedTools, Tag("<allowed_tools>")]
            | Annotated[HostedChoice, Tag("<hosted>")],
            Discriminator(
                _choice_tag,
                custom_error_type=f"{FIELD_ERROR}type",
                custom_error_message=", ".join(f"'{name}'" for name in _CHOICE_TAGS),
            ),
        ],
        Tag("<object>"),
    ],
    by_kind("string", "object"),
]
