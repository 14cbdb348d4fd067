"""The smaller parameters of the Responses API: reasoning, text, the conversation, and options that only OpenAI has.

Closed sets of parameters that Gemini cannot honour are typed as strings: OpenAI adds values every month.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, Tag
from typing_extensions import TypedDict

from api.openai.chat.messages import Name
from api.openai.shared.options import INT32_MAX, Effort
from api.openai.shared.unions import STOP_AT_FIRST, by_field, by_kind

# OpenAI's own least limit for an answer.
OutputLimit = Annotated[int, Field(ge=16, le=INT32_MAX)]
ToolCallLimit = Annotated[int, Field(ge=1, le=INT32_MAX)]
ResponseID = Annotated[str, Field(min_length=1, max_length=256)]
Include = Annotated[list[str], Field(max_length=32), STOP_AT_FIRST]


class Reasoning(TypedDict):
    """How much the model thinks and whether a summary of it is wanted (`generate_summary` is its older name)."""

    effort: NotRequired[Effort | None]
    summary: NotRequired[Literal["auto", "concise", "detailed"] | None]
    generate_summary: NotRequired[Literal["auto", "concise", "detailed"] | None]
    context: NotRequired[str | None]
    mode: NotRequired[str | None]


class TextFormat(TypedDict):
    """Plain text, the default."""

    type: Literal["text"]


class JSONObjectFormat(TypedDict):
    """Some JSON object."""

    type: Literal["json_object"]


class JSONSchemaFormat(TypedDict):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    name: Name
    schema: dict[str, Any]
    description: NotRequired[str | None]
    strict: NotRequired[bool | None]


class TextConfig(TypedDict):
    """The form of the answer's text."""

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
    """When the context is compacted by itself."""

    type: str
    compact_threshold: NotRequired[Annotated[int, Field(ge=1000, le=INT32_MAX)] | None]


class StoredPrompt(TypedDict):
    """A prompt template kept at OpenAI."""

    id: str
    variables: NotRequired[dict[str, Any] | None]
    version: NotRequired[str | None]


class ResponseStreamOptions(TypedDict):
    """What a stream carries beside the answer."""

    include_obfuscation: NotRequired[bool | None]
