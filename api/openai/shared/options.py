"""The smaller parameters of chat and text completions: bounded numbers, names and option objects.

Closed sets of parameters without an equivalent at Gemini are typed as strings: OpenAI adds values every month, and a
dropped parameter must not fail validation. Limits are those of OpenAI's published OpenAPI.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, Tag
from typing_extensions import TypedDict

from api.openai.shared.content import TextContent
from api.openai.shared.unions import STOP_AT_FIRST, AtMost, by_kind

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
# OpenAI allows 128; here each choice may be an upstream call.
MAX_CHOICES = 8
# OpenAI allows 4; the translation clamps to Gemini's limit and adds a note.
MAX_STOP_SEQUENCES = 16

# No control characters and no line separators: names appear in headers and log lines.
# Without NUL, which is replaced before a request is validated (api/json/repair.py).
ModelName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x01-\x1f\x7f-\x9f\u2028\u2029]*$")]
UserName = Annotated[str, Field(max_length=256, pattern=r"^[^\x01-\x1f\x7f-\x9f\u2028\u2029]*$")]

Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
TokenLimit = Annotated[int, Field(ge=1, le=INT32_MAX)]
Choices = Annotated[int, Field(ge=1, le=MAX_CHOICES)]
Seed = Annotated[int, Field(ge=-INT64_MAX - 1, le=INT64_MAX)]
TopLogprobs = Annotated[int, Field(ge=0, le=20)]
LogitBias = Annotated[dict[str, Annotated[float, Field(ge=-100, le=100)]], AtMost(4096)]
Metadata = Annotated[dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], AtMost(16)]
Stop = Annotated[
    Annotated[str, Tag("<string>")]
    | Annotated[list[str], Field(max_length=MAX_STOP_SEQUENCES), STOP_AT_FIRST, Tag("<array>")],
    by_kind("string", "array"),
]

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Reasoning(TypedDict):
    """The object form of `reasoning_effort`, as OpenAI's Agents SDK sends it."""

    effort: NotRequired[Effort | None]
    summary: NotRequired[str | None]


class ReasoningWish(TypedDict):
    """`reasoning`, which is not OpenAI's: other servers take effort and visibility of thoughts from it."""

    effort: NotRequired[Effort | None]
    summary: NotRequired[str | None]
    enabled: NotRequired[bool | None]
    exclude: NotRequired[bool | None]
    max_tokens: NotRequired[int | None]


ReasoningEffort = Annotated[
    Annotated[Effort, Tag("<string>")] | Annotated[Reasoning, Tag("<object>")], by_kind("string", "object")
]


class StreamOptions(TypedDict):
    """Options of a stream."""

    include_usage: NotRequired[bool | None]
    include_obfuscation: NotRequired[bool | None]


class AudioOutput(TypedDict):
    """The voice and format of generated speech; `voice` is a name or `{"id": ...}`."""

    format: str
    voice: Annotated[
        Annotated[str, Tag("<string>")] | Annotated[dict[str, Any], Tag("<object>")], by_kind("string", "object")
    ]


class Prediction(TypedDict):
    """The expected output text."""

    type: str
    content: TextContent


class PromptCacheOptions(TypedDict):
    """OpenAI's settings for caching the prompt."""

    mode: NotRequired[str | None]
    ttl: NotRequired[str | None]


class WebSearchOptions(TypedDict):
    """Settings of a web search."""

    search_context_size: NotRequired[str | None]
    user_location: NotRequired[dict[str, Any] | None]


class Moderation(TypedDict):
    """Moderation of prompt and completion."""

    model: str
    policy: NotRequired[dict[str, Any] | None]


SafetySettings = Annotated[list[dict[str, Any]], Field(max_length=32), STOP_AT_FIRST]


class ExtraBody(TypedDict):
    """The fields that clients of Google's OpenAI endpoint nest under `extra_body`."""

    google: NotRequired[dict[str, Any] | None]
    safety_settings: NotRequired[SafetySettings | None]
