"""What leaves as a chat completion, whole or in chunks (https://platform.openai.com/docs/api-reference/chat/object).

`reasoning_content`, `reasoning`, `images` and `extra_content` are not OpenAI's: the first two are the usual names for
visible thoughts (the second one for clients that ask with `reasoning`), the third for pictures in an answer, the last
is where Google's own OpenAI endpoint puts thought signatures. SDKs keep all of them as extra fields.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from api.openai.shared.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class CalledFunction(TypedDict):
    """A function's name and its arguments as JSON text."""

    name: str
    arguments: str
    extra_content: NotRequired[dict[str, Any]]


class CalledCustom(TypedDict):
    """A custom tool's name and its free-text input."""

    name: str
    input: str


class FunctionCallOut(TypedDict):
    """A function call in an answer."""

    id: str
    type: Literal["function"]
    function: CalledFunction
    extra_content: NotRequired[dict[str, Any]]


class CustomCallOut(TypedDict):
    """A custom tool call in an answer."""

    id: str
    type: Literal["custom"]
    custom: CalledCustom
    extra_content: NotRequired[dict[str, Any]]


class URLCitation(TypedDict):
    """Where a stretch of the text comes from; indexes count characters of `content`."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(TypedDict):
    """A remark on the text."""

    type: Literal["url_citation"]
    url_citation: URLCitation


class ImageURLOut(TypedDict):
    """A `data:` URL."""

    url: str


class ImageOut(TypedDict):
    """A picture in an answer; `index` counts the choice's pictures, whole or in chunks."""

    index: int
    type: Literal["image_url"]
    image_url: ImageURLOut


class AudioOut(TypedDict):
    """A spoken answer: base64 of the format asked for; `expires_at` is in Unix seconds."""

    id: str
    data: str
    expires_at: int
    transcript: str


class AudioDelta(TypedDict, total=False):
    """A piece of a spoken answer; only the first holds the `id`, and the last one `expires_at` alone."""

    id: str
    data: str
    transcript: str
    expires_at: int


class ChatMessage(TypedDict):
    """The assistant's message of one choice."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    annotations: NotRequired[list[Annotation]]
    tool_calls: NotRequired[list[FunctionCallOut | CustomCallOut]]
    function_call: NotRequired[CalledFunction]
    audio: NotRequired[AudioOut]
    reasoning_content: NotRequired[str]
    reasoning: NotRequired[str]
    images: NotRequired[list[ImageOut]]
    extra_content: NotRequired[dict[str, Any]]


class TopLogprob(TypedDict):
    """One candidate token of a position; `bytes` are its UTF-8 bytes."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(TypedDict):
    """The token chosen at a position and its rivals."""

    token: str
    logprob: float
    bytes: list[int] | None
    top_logprobs: list[TopLogprob]


class Logprobs(TypedDict):
    """Log probabilities of one choice."""

    content: list[TokenLogprob] | None
    refusal: list[TokenLogprob] | None


class Choice(TypedDict):
    """One answer."""

    index: int
    message: ChatMessage
    logprobs: Logprobs | None
    finish_reason: FinishReason


class ChatCompletion(TypedDict):
    """The whole answer; `created` is in Unix seconds. One that is stored has its metadata."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    service_tier: NotRequired[str | None]
    system_fingerprint: NotRequired[str | None]
    metadata: NotRequired[dict[str, str]]


class FunctionDelta(TypedDict, total=False):
    """The name comes once, the arguments in pieces."""

    name: str
    arguments: str
    extra_content: dict[str, Any]


class CustomDelta(TypedDict, total=False):
    """The name of a custom tool comes once, its input in pieces."""

    name: str
    input: str


class ToolCallDelta(TypedDict):
    """A piece of the call at `index`; id, type and name come with its first piece only."""

    index: int
    id: NotRequired[str]
    type: NotRequired[Literal["function", "custom"]]
    function: NotRequired[FunctionDelta]
    custom: NotRequired[CustomDelta]
    extra_content: NotRequired[dict[str, Any]]


class Delta(TypedDict, total=False):
    """What a chunk adds to a choice's message."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCallDelta]
    function_call: FunctionDelta
    audio: AudioDelta
    reasoning_content: str
    reasoning: str
    images: list[ImageOut]
    annotations: list[Annotation]
    extra_content: dict[str, Any]


class ChunkChoice(TypedDict):
    """A choice in a chunk; the finish reason comes with an empty delta."""

    index: int
    delta: Delta
    logprobs: NotRequired[Logprobs | None]
    finish_reason: FinishReason | None


class ChatCompletionChunk(TypedDict):
    """A piece of a streamed answer. `id` and `created` are those of the whole stream.

    With `include_usage`, `usage` is null in all chunks but the last, whose `choices` are empty; else it is absent.
    """

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: NotRequired[Usage | None]
    service_tier: NotRequired[str | None]
    system_fingerprint: NotRequired[str | None]
