"""The response object and its output items (https://platform.openai.com/docs/api-reference/responses/object).

`events` has the stream's events, `api.openai.conversations` the lists and small objects.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

ResponseStatus = Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]
IncompleteReason = Literal["max_output_tokens", "content_filter", "steered"]
# The values of OpenAI's closed list that this server sends.
ErrorCode = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]


class URLCitation(TypedDict):
    """The source of a text range; indexes count characters of the part's `text`."""

    type: Literal["url_citation"]
    start_index: int
    end_index: int
    title: str
    url: str


class TopLogprob(TypedDict):
    """One alternative token at a position; `bytes` are its UTF-8 bytes."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """The chosen token at a position and its `top_logprobs`."""

    top_logprobs: list[TopLogprob]


class OutputText(TypedDict):
    """Output text."""

    type: Literal["output_text"]
    annotations: list[URLCitation]
    logprobs: list[TokenLogprob]
    text: str


class RefusalPart(TypedDict):
    """A refusal of the model."""

    type: Literal["refusal"]
    refusal: str


class MessageItem(TypedDict):
    """A message of the assistant."""

    id: str
    type: Literal["message"]
    status: ItemStatus
    content: list[OutputText | RefusalPart]
    role: Literal["assistant"]


class SummaryPart(TypedDict):
    """A paragraph of a reasoning summary."""

    type: Literal["summary_text"]
    text: str


class ReasoningItem(TypedDict):
    """The model's reasoning. `encrypted_content` is present if the client stores the signatures itself."""

    id: str
    type: Literal["reasoning"]
    summary: list[SummaryPart]
    encrypted_content: NotRequired[str | None]


class FunctionCallItem(TypedDict):
    """A function call; `namespace` is that of the function's declaration."""

    id: str
    type: Literal["function_call"]
    status: ItemStatus
    arguments: str
    call_id: str
    name: str
    namespace: NotRequired[str]


class CustomToolCallItem(TypedDict):
    """A custom tool call with its free-text input."""

    id: str
    type: Literal["custom_tool_call"]
    status: ItemStatus
    call_id: str
    input: str
    name: str
    namespace: NotRequired[str]


class ToolSearchCallItem(TypedDict):
    """A search for tools, to be performed by the client."""

    id: str
    type: Literal["tool_search_call"]
    status: ItemStatus
    call_id: str
    arguments: dict[str, Any]
    execution: Literal["client"]


class ShellAction(TypedDict):
    """The commands of a shell call."""

    commands: list[str]
    timeout_ms: int | None
    max_output_length: int | None


class ShellCallItem(TypedDict):
    """Shell commands, to be run by the client."""

    id: str
    type: Literal["shell_call"]
    status: ItemStatus
    call_id: str
    action: ShellAction
    environment: None


class LocalShellAction(TypedDict):
    """The program of a local shell call."""

    type: Literal["exec"]
    command: list[str]
    env: dict[str, str]
    timeout_ms: NotRequired[int]
    user: NotRequired[str]
    working_directory: NotRequired[str]


class LocalShellCallItem(TypedDict):
    """A local shell command, to be run by the client."""

    id: str
    type: Literal["local_shell_call"]
    status: ItemStatus
    call_id: str
    action: LocalShellAction


class PatchOperation(TypedDict):
    """A change of one file; a deletion has no `diff`."""

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: NotRequired[str]


class ApplyPatchCallItem(TypedDict):
    """A change of a file, to be applied by the client."""

    id: str
    type: Literal["apply_patch_call"]
    status: Literal["in_progress", "completed"]
    call_id: str
    operation: PatchOperation


class SearchAction(TypedDict):
    """A search; `query` is the first of `queries`."""

    type: Literal["search"]
    query: str
    queries: list[str]


class OpenPageAction(TypedDict):
    """An opened page."""

    type: Literal["open_page"]
    url: str


class WebSearchCallItem(TypedDict):
    """A web search by Google, or a page opened by it."""

    id: str
    type: Literal["web_search_call"]
    status: Literal["in_progress", "searching", "completed", "failed"]
    action: SearchAction | OpenPageAction


class CodeLogs(TypedDict):
    """The output of code."""

    type: Literal["logs"]
    logs: str


class CodeInterpreterCallItem(TypedDict):
    """Code run by Google. Containers cannot be reused: `container_id` is the item's own id."""

    id: str
    type: Literal["code_interpreter_call"]
    status: Literal["in_progress", "interpreting", "completed", "incomplete", "failed"]
    code: str
    container_id: str
    outputs: list[CodeLogs] | None


class ImageGenerationCallItem(TypedDict):
    """A generated image in base64."""

    id: str
    type: Literal["image_generation_call"]
    status: Literal["in_progress", "generating", "completed", "failed"]
    result: str | None
    output_format: NotRequired[str]


class CompactionItem(TypedDict):
    """The compacted form of the conversation before it; only this server can read it."""

    id: str
    type: Literal["compaction"]
    encrypted_content: str


OutputItem = (
    MessageItem
    | ReasoningItem
    | FunctionCallItem
    | CustomToolCallItem
    | ToolSearchCallItem
    | ShellCallItem
    | LocalShellCallItem
    | ApplyPatchCallItem
    | WebSearchCallItem
    | CodeInterpreterCallItem
    | ImageGenerationCallItem
    | CompactionItem
)


class InputTokensDetails(TypedDict):
    """Details of the input's tokens; `cached_tokens` is part of `input_tokens`."""

    cache_write_tokens: int
    cached_tokens: int


class OutputTokensDetails(TypedDict):
    """Details of the output's tokens; `reasoning_tokens` is part of `output_tokens`."""

    reasoning_tokens: int


class ResponseUsage(TypedDict):
    """Token counts; `total_tokens` is the sum of the other two."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ResponseError(TypedDict):
    """Why a response failed."""

    code: ErrorCode
    message: str


class IncompleteDetails(TypedDict):
    """Why a response is incomplete."""

    reason: IncompleteReason


class WebSearchUsage(TypedDict):
    """The number of web searches."""

    num_requests: int


class ToolUsage(TypedDict):
    """The usage of tools; `image_gen` is OpenAI's own token count."""

    image_gen: dict[str, Any]
    web_search: WebSearchUsage


class ResponseParametersEcho(TypedDict):
    """The request's parameters in a response, with the values in effect."""

    background: bool
    frequency_penalty: float
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    model: str
    parallel_tool_calls: bool
    presence_penalty: float
    previous_response_id: str | None
    prompt_cache_key: str | None
    prompt_cache_retention: str | None
    reasoning: dict[str, Any]
    safety_identifier: str | None
    service_tier: str
    store: bool
    temperature: float
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: str
    user: str | None
    metadata: dict[str, str]
    conversation: NotRequired[dict[str, str]]


class Response(ResponseParametersEcho):
    """A response in any status. Times are Unix seconds; `usage` is null until the end."""

    id: str
    object: Literal["response"]
    created_at: int
    status: ResponseStatus
    access_programs: None
    billing: dict[str, str]
    completed_at: int | None
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    moderation: None
    output: list[OutputItem]
    tool_usage: ToolUsage
    usage: ResponseUsage | None
