"""The smaller parameters of chat and text completions: bounded numbers, names and option objects.

Closed sets of parameters that Gemini cannot honour are typed as strings: OpenAI adds values every month, and what is
dropped anyway must not be refused. Limits are those of OpenAI's published OpenAPI.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, Tag
from typing_extensions import TypedDict

from api.openai.shared.content import TextContent
from api.openai.shared.unions import STOP_AT_FIRST, AtMost, by_kind

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
# OpenAI allows 128; each choice may be an upstream call here.
MAX_CHOICES = 8
# OpenAI allows 4; Gemini's own limit is clamped with a note.
MAX_STOP_SEQUENCES = 16

# No control characters and no line separators: names reach headers and log lines.
ModelName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
UserName = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]

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
    """The object form of `reasoning_effort` that OpenAI's Agents SDK sends."""

    effort: NotRequired[Effort | None]
    summary: NotRequired[str | None]


class ReasoningWish(TypedDict):
    """`reasoning`, which is not OpenAI's: what other servers take for how much to think, and to show the thoughts."""

    effort: NotRequired[Effort | None]
    summary: NotRequired[str | None]
    enabled: NotRequired[bool | None]
    exclude: NotRequired[bool | None]
    max_tokens: NotRequired[int | None]


ReasoningEffort = Annotated[
    Annotated[Effort, Tag("<string>")] | Annotated[Reasoning, Tag("<object>")], by_kind("string", "object")
]


class StreamOptions(TypedDict):
    """What a stream carries beside the answer."""

    include_usage: NotRequired[bool | None]
    include_obfuscation: NotRequired[bool | None]


class AudioOutput(TypedDict):
    """How the answer is spoken; `voice` is a name or `{"id": ...}`."""

    format: str
    voice: Annotated[
        Annotated[str, Tag("<string>")] | Annotated[dict[str, Any], Tag("<object>")], by_kind("string", "object")
    ]


class Prediction(TypedDict):
    """Text the answer will probably resemble."""

    type: str
    content: TextContent


class PromptCacheOptions(TypedDict):
    """How OpenAI caches the prompt."""

    mode: NotRequired[str | None]
    ttl: NotRequired[str | None]


class WebSearchOptions(TypedDict):
    """A web search before the answer."""

    search_context_size: NotRequired[str | None]
    user_location: NotRequired[dict[str, Any] | None]


class Moderation(TypedDict):
    """Moderation of prompt and answer."""

    model: str
    policy: NotRequired[dict[str, Any] | None]


SafetySettings = Annotated[list[dict[str, Any]], Field(max_length=32), STOP_AT_FIRST]


class ExtraBody(TypedDict):
    """What clients of Google's own OpenAI endpoint nest under `extra_body`."""

    google: NotRequired[dict[str, Any] | None]
    safety_settings: NotRequired[SafetySettings | None]
