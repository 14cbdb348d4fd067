"""The chat completion object and its chunks (https://platform.openai.com/docs/api-reference/chat/object).

`reasoning_content`, `reasoning`, `images` and `extra_content` are not OpenAI's. The first two are the usual names of
visible thoughts (`reasoning` for requests with `reasoning`), `images` holds generated images, and Google's own OpenAI
endpoint puts thought signatures into `extra_content`. SDKs preserve all four as extra fields.
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
    """A function call of the assistant."""

    id: str
    type: Literal["function"]
    function: CalledFunction
    extra_content: NotRequired[dict[str, Any]]


class CustomCallOut(TypedDict):
    """A custom tool call of the assistant."""

    id: str
    type: Literal["custom"]
    custom: CalledCustom
    extra_content: NotRequired[dict[str, Any]]


class URLCitation(TypedDict):
    """The source of a text range; indexes count characters of `content`."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(TypedDict):
    """An annotation of the text."""

    type: Literal["url_citation"]
    url_citation: URLCitation


class ImageURLOut(TypedDict):
    """A `data:` URL."""

    url: str


class ImageOut(TypedDict):
    """A generated image; `index` counts the choice's images, also across chunks."""

    index: int
    type: Literal["image_url"]
    image_url: ImageURLOut


class AudioOut(TypedDict):
    """Generated speech: base64 in the requested format; `expires_at` is in Unix seconds."""

    id: str
    data: str
    expires_at: int
    transcript: str


class AudioDelta(TypedDict, total=False):
    """A chunk of generated speech; the first chunk holds the `id`, the last one `expires_at` alone."""

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
    """One alternative token at a position; `bytes` are its UTF-8 bytes."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(TypedDict):
    """The chosen token at a position and its `top_logprobs`."""

    token: str
    logprob: float
    bytes: list[int] | None
    top_logprobs: list[TopLogprob]


class Logprobs(TypedDict):
    """Log probabilities of one choice."""

    content: list[TokenLogprob] | None
    refusal: list[TokenLogprob] | None


class Choice(TypedDict):
    """One choice of a completion."""

    index: int
    message: ChatMessage
    logprobs: Logprobs | None
    finish_reason: FinishReason


class ChatCompletion(TypedDict):
    """A chat completion; `created` is in Unix seconds. A stored one has `metadata`."""

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
    """A chunk of a function call: the first chunk holds the name, all chunks extend the arguments."""

    name: str
    arguments: str
    extra_content: dict[str, Any]


class CustomDelta(TypedDict, total=False):
    """A chunk of a custom tool call: the first chunk holds the name, all chunks extend the input."""

    name: str
    input: str


class ToolCallDelta(TypedDict):
    """A chunk of the call at `index`; the first chunk alone holds id, type and name."""

    index: int
    id: NotRequired[str]
    type: NotRequired[Literal["function", "custom"]]
    function: NotRequired[FunctionDelta]
    custom: NotRequired[CustomDelta]
    extra_content: NotRequired[dict[str, Any]]


class Delta(TypedDict, total=False):
    """The fields that a chunk adds to a choice's message."""

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
    """A chunk of a streamed completion. All chunks of a stream share `id` and `created`.

    With `include_usage`, `usage` is null except in the last chunk, whose `choices` are empty; otherwise it is absent.
    """

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: NotRequired[Usage | None]
    service_tier: NotRequired[str | None]
    system_fingerprint: NotRequired[str | None]
