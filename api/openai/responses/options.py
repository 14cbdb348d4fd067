"""The smaller parameters of the Responses API: reasoning, text format, conversation, and options of OpenAI only.

Closed sets of parameters without an equivalent at Gemini are typed as strings, because OpenAI adds values every month.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, Tag
from typing_extensions import TypedDict

from api.openai.chat.messages import Name
from api.openai.shared.options import INT32_MAX, Effort
from api.openai.shared.unions import STOP_AT_FIRST, by_field, by_kind

# OpenAI's minimum for an output limit.
OutputLimit = Annotated[int, Field(ge=16, le=INT32_MAX)]
ToolCallLimit = Annotated[int, Field(ge=1, le=INT32_MAX)]
ResponseID = Annotated[str, Field(min_length=1, max_length=256)]
Include = Annotated[list[str], Field(max_length=32), STOP_AT_FIRST]


class Reasoning(TypedDict):
    """The reasoning effort, and the summary to show (`generate_summary` is its older name)."""

    effort: NotRequired[Effort | None]
    summary: NotRequired[Literal["auto", "concise", "detailed"] | None]
    generate_summary: NotRequired[Literal["auto", "concise", "detailed"] | None]
    context: NotRequired[str | None]
    mode: NotRequired[str | None]


class TextFormat(TypedDict):
    """Plain text, the default."""

    type: Literal["text"]


class JSONObjectFormat(TypedDict):
    """Any JSON object."""

    type: Literal["json_object"]


class JSONSchemaFormat(TypedDict):
    """JSON that conforms to a schema."""

    type: Literal["json_schema"]
    name: Name
    schema: dict[str, Any]
    description: NotRequired[str | None]
    strict: NotRequired[bool | None]


class TextConfig(TypedDict):
    """The format of the output text."""

    format: NotRequired[
        Annotated[
            Annotated[TextFormat, Tag("<text>")]
            | Annotated[JSONObjectFormat, Tag("<json_object>")]
            | Annotated[JSONSchemaFormat, Tag("<json_schema>")],
            by_field("type", "text", "json_object", "json_schema"),
        ]
        | None
    ]
    verbosity: NotRequired[Literal["low", "medium", "high"] | None]


class ConversationObject(TypedDict):
    """A conversation by its id."""

    id: ResponseID


Conversation = Annotated[
    Annotated[ResponseID, Tag("<string>")] | Annotated[ConversationObject, Tag("<object>")],
    by_kind("string", "object"),
]


class ContextManagement(TypedDict):
    """The threshold of automatic compaction."""

    type: str
    compact_threshold: NotRequired[Annotated[int, Field(ge=1000, le=INT32_MAX)] | None]


class StoredPrompt(TypedDict):
    """A prompt template stored at OpenAI."""

    id: str
    variables: NotRequired[dict[str, Any] | None]
    version: NotRequired[str | None]


class ResponseStreamOptions(TypedDict):
    """Options of a stream."""

    include_obfuscation: NotRequired[bool | None]
