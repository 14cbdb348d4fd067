"""What leaves as a response, and the items in it (https://platform.openai.com/docs/api-reference/responses/object).

Its events are in `events`, the lists and small objects around it in `api.openai.conversations`.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

ResponseStatus = Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]
IncompleteReason = Literal["max_output_tokens", "content_filter", "steered"]
# The part of OpenAI's closed list that can happen here.
ErrorCode = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]


class URLCitation(TypedDict):
    """Where a stretch of the text comes from; indexes count characters of the part's `text`."""

    type: Literal["url_citation"]
    start_index: int
    end_index: int
    title: str
    url: str


class TopLogprob(TypedDict):
    """One candidate token of a position; `bytes` are its UTF-8 bytes."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """The token chosen at a position and its rivals."""

    top_logprobs: list[TopLogprob]


class OutputText(TypedDict):
    """Text of an answer."""

    type: Literal["output_text"]
    annotations: list[URLCitation]
    logprobs: list[TokenLogprob]
    text: str


class RefusalPart(TypedDict):
    """What is said in place of an answer."""

    type: Literal["refusal"]
    refusal: str


class MessageItem(TypedDict):
    """What the assistant says."""

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
    """What the model thought. `encrypted_content` is there if the client asked to carry the signatures itself."""

    id: str
    type: Literal["reasoning"]
    summary: list[SummaryPart]
    encrypted_content: NotRequired[str | None]


class FunctionCallItem(TypedDict):
    """A function call; `namespace` is that of a function that was declared in one."""

    id: str
    type: Literal["function_call"]
    status: ItemStatus
    arguments: str
    call_id: str
    name: str
    namespace: NotRequired[str]


class CustomToolCallItem(TypedDict):
    """A call of a custom tool with its free text."""

    id: str
    type: Literal["custom_tool_call"]
    status: ItemStatus
    call_id: str
    input: str
    name: str
    namespace: NotRequired[str]


class ToolSearchCallItem(TypedDict):
    """A search for tools that the client makes."""

    id: str
    type: Literal["tool_search_call"]
    status: ItemStatus
    call_id: str
    arguments: dict[str, Any]
    execution: Literal["client"]


class ShellAction(TypedDict):
    """What a shell is to run."""

    commands: list[str]
    timeout_ms: int | None
    max_output_length: int | None


class ShellCallItem(TypedDict):
    """Shell commands that the client runs."""

    id: str
    type: Literal["shell_call"]
    status: ItemStatus
    call_id: str
    action: ShellAction
    environment: None


class LocalShellAction(TypedDict):
    """The program that a local shell is to run."""

    type: Literal["exec"]
    command: list[str]
    env: dict[str, str]
    timeout_ms: NotRequired[int]
    user: NotRequired[str]
    working_directory: NotRequired[str]


class LocalShellCallItem(TypedDict):
    """A command that the client runs."""

    id: str
    type: Literal["local_shell_call"]
    status: ItemStatus
    call_id: str
    action: LocalShellAction


class PatchOperation(TypedDict):
    """What is to become of a file; a file is deleted without a `diff`."""

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: NotRequired[str]


class ApplyPatchCallItem(TypedDict):
    """A change of a file that the client makes."""

    id: str
    type: Literal["apply_patch_call"]
    status: Literal["in_progress", "completed"]
    call_id: str
    operation: PatchOperation


class SearchAction(TypedDict):
    """What was searched for; `query` is the first of `queries`."""

    type: Literal["search"]
    query: str
    queries: list[str]


class OpenPageAction(TypedDict):
    """A page that was read."""

    type: Literal["open_page"]
    url: str


class WebSearchCallItem(TypedDict):
    """A web search that Google made, or a page that it read."""

    id: str
    type: Literal["web_search_call"]
    status: Literal["in_progress", "searching", "completed", "failed"]
    action: SearchAction | OpenPageAction


class CodeLogs(TypedDict):
    """What code printed."""

    type: Literal["logs"]
    logs: str


class CodeInterpreterCallItem(TypedDict):
    """Code that Google ran. There are no containers to come back to: `container_id` is the item's own id."""

    id: str
    type: Literal["code_interpreter_call"]
    status: Literal["in_progress", "interpreting", "completed", "incomplete", "failed"]
    code: str
    container_id: str
    outputs: list[CodeLogs] | None


class ImageGenerationCallItem(TypedDict):
    """A picture in an answer, as base64."""

    id: str
    type: Literal["image_generation_call"]
    status: Literal["in_progress", "generating", "completed", "failed"]
    result: str | None
    output_format: NotRequired[str]


class CompactionItem(TypedDict):
    """What stands for the conversation before it; only this server can read it."""

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
    """What the input's tokens were; `cached_tokens` is part of `input_tokens`."""

    cache_write_tokens: int
    cached_tokens: int


class OutputTokensDetails(TypedDict):
    """What the output's tokens were; `reasoning_tokens` is part of `output_tokens`."""

    reasoning_tokens: int


class ResponseUsage(TypedDict):
    """`total_tokens` is the sum of the other two."""

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
    """Why a response is not whole."""

    reason: IncompleteReason


class WebSearchUsage(TypedDict):
    """How often the web was searched."""

    num_requests: int


class ToolUsage(TypedDict):
    """What tools used; `image_gen` is OpenAI's own count of tokens."""

    image_gen: dict[str, Any]
    web_search: WebSearchUsage


class ResponseParametersEcho(TypedDict):
    """The request's own side of a response: every parameter as it was understood."""

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
    """A response, at any time of its life. Times are Unix seconds; `usage` is null until it has ended."""

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
