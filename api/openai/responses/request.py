"""The parsed bodies of `POST /v1/responses`, `/v1/responses/input_tokens` and `/v1/responses/compact`.

Every parameter of the current API is a field of its real type
(https://platform.openai.com/docs/api-reference/responses). The translation decides the effect of each one; the exchange
resolves ids.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from api.errors import InvalidRequestError
from api.openai.responses.items import ResponseInput
from api.openai.responses.options import (
    ContextManagement,
    Conversation,
    Include,
    OutputLimit,
    Reasoning,
    ResponseID,
    ResponseStreamOptions,
    StoredPrompt,
    TextConfig,
    ToolCallLimit,
)
from api.openai.responses.tools import ResponseToolChoice, ResponseTools
from api.openai.shared.google_options import GoogleOptions
from api.openai.shared.options import (
    Effort,
    Metadata,
    ModelName,
    Moderation,
    Penalty,
    Temperature,
    TopLogprobs,
    TopP,
    UserName,
)
from api.openai.shared.unions import AS_SENT, STOP_AT_FIRST

ENCRYPTED_REASONING = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"

# Names of a mapping's defaults in chat completions -> names in the Responses API.
_CHAT_NAMES = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}


class ResponseParameters(GoogleOptions):
    """All parameters except the model; absent and null ones are None.

    Nested objects are validated dicts of the client.
    """

    input: Annotated[ResponseInput, AS_SENT] | None = None
    instructions: str | None = None
    previous_response_id: ResponseID | None = None
    conversation: Annotated[Conversation, AS_SENT] | None = None
    prompt: Annotated[StoredPrompt, AS_SENT] | None = None

    tools: Annotated[ResponseTools, AS_SENT] | None = None
    tool_choice: Annotated[ResponseToolChoice, AS_SENT] | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: ToolCallLimit | None = None

    text: Annotated[TextConfig, AS_SENT] | None = None
    reasoning: Annotated[Reasoning, AS_SENT] | None = None
    include: Include | None = None
    max_output_tokens: OutputLimit | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    top_logprobs: TopLogprobs | None = None
    truncation: Literal["auto", "disabled"] | None = None

    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: ResponseStreamOptions | None = None
    metadata: Metadata | None = None
    user: UserName | None = None
    safety_identifier: Annotated[str, Field(max_length=128)] | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None

    access_programs: dict[str, Any] | None = None
    background_options: dict[str, Any] | None = None
    context_management: Annotated[list[ContextManagement], Field(max_length=16), STOP_AT_FIRST, AS_SENT] | None = None
    image: dict[str, Any] | None = None
    moderation: Annotated[Moderation, AS_SENT] | None = None

    @property
    def items(self) -> list[dict[str, Any]]:
        """The input as items; a string is one user message."""
        if isinstance(self.input, str):
            return [{"type": "message", "role": "user", "content": self.input}]
        return list(self.input or ())  # type: ignore[arg-type]

    @property
    def conversation_id(self) -> str | None:
        """The conversation's id, from a string or an object."""
        return self.conversation["id"] if isinstance(self.conversation, dict) else self.conversation

    @property
    def effort(self) -> Effort | None:
        """The reasoning effort."""
        return (self.reasoning or {}).get("effort")

    @property
    def summary(self) -> str | None:
        """The requested reasoning summary, under either of its names."""
        reasoning = self.reasoning or {}
        return reasoning.get("summary") or reasoning.get("generate_summary")

    @property
    def text_format(self) -> Mapping[str, Any] | None:
        """The format of the output text; None if absent."""
        return (self.text or {}).get("format")

    @property
    def stored(self) -> bool:
        """Whether the response is stored (`store`, default true)."""
        return self.store is not False

    @property
    def compacts_only(self) -> bool:
        """Whether the input ends in a `compaction_trigger`: the request compacts the conversation and generates
        nothing.
        """
        return not isinstance(self.input, str) and bool(self.input) and _is_trigger(self.items[-1])

    @property
    def needs_results(self) -> bool:
        """Whether every open tool call needs its result: false for requests that generate nothing."""
        return not (self.compacts_only or self.prewarms)

    @property
    def prewarms(self) -> bool:
        """Whether the request only prepares a later one and generates nothing."""
        return (self.prompt_cache_options or {}).get("prewarm") is True

    @property
    def wanted_top_logprobs(self) -> int | None:
        """The number of `top_logprobs` per token; None without log probabilities."""
        wanted = self.top_logprobs or 0
        return wanted if wanted or LOGPROBS in (self.include or ()) else None

    @property
    def encrypted_reasoning(self) -> bool:
        """Whether the client stores the reasoning's signatures itself."""
        return ENCRYPTED_REASONING in (self.include or ())

    def lacks(self, parameter: str) -> bool:
        """Whether the client omitted `parameter`; `reasoning` counts as omitted without an effort."""
        return self.effort is None if parameter == "reasoning" else super().lacks(parameter)

    def with_defaults(self, defaults: Mapping[str, Any]) -> tuple[Self, tuple[str, ...]]:
        """See RequestModel; a mapping's defaults have the names of chat completions."""
        own = {_CHAT_NAMES.get(name, name): value for name, value in defaults.items()}
        effort = own.pop("reasoning_effort", None)
        if effort is not None:
            own["reasoning"] = {**(self.reasoning or {}), "effort": effort}
        return super().with_defaults(own)


class ResponsesRequest(ResponseParameters):
    """A request for a response."""

    model: ModelName


class InputTokensRequest(ResponseParameters):
    """A request to count the tokens of a response's input."""

    model: ModelName | None = None
    personality: str | None = None


class CompactRequest(ResponseParameters):
    """A request to compact a conversation."""

    model: ModelName

    @property
    def needs_results(self) -> bool:
        """See ResponseParameters."""
        return False


def parse_responses(body: bytes) -> ResponsesRequest:
    """Parse the body of a Responses request.

    Raises InvalidRequestError with OpenAI's message and the parameter's path as `param` (`input[0].content`).
    """
    return check_response(ResponsesRequest.read(body))


def parse_input_tokens(body: bytes) -> InputTokensRequest:
    """Parse the body of a request to count input tokens; raises InvalidRequestError."""
    request = InputTokensRequest.read(body)
    _check_source(request)
    return request


def parse_compact(body: bytes) -> CompactRequest:
    """Parse the body of a request to compact a conversation; raises InvalidRequestError."""
    request = CompactRequest.read(body)
    _check_source(request)
    return request


def check_response(request: ResponsesRequest) -> ResponsesRequest:
    """Return the request if its parameters are compatible; raises InvalidRequestError. Also for WebSocket frames."""
    _check_source(request)
    if request.background and request.store is False:
        raise InvalidRequestError(
            "Background responses must be stored: 'background' cannot be true when 'store' is false.",
            param="background",
            code="invalid_value",
        )
    return request


def _check_source(request: ResponseParameters) -> None:
    """Check that the request has input and at most one source of the history."""
    _check_compaction(request)
    if request.conversation is not None and request.previous_response_id is not None:
        raise InvalidRequestError(
            "Mutually exclusive parameters. Ensure you are only providing one of: 'previous_response_id' or "
            "'conversation'.",
            param="previous_response_id",
            code="mutually_exclusive_parameters",
        )
    if request.prompt is not None:
        raise InvalidRequestError(
            "Unsupported parameter: 'prompt'. Prompt templates are stored at OpenAI: send the text as "
            "'instructions' or 'input'.",
            param="prompt",
            code="unsupported_parameter",
        )
    if not (request.input or request.previous_response_id or request.conversation) and request.input != "":
        raise InvalidRequestError(
            "One of 'input', 'previous_response_id' or 'conversation' must be provided.",
            param="input",
            code="missing_required_parameter",
        )


def _check_compaction(request: ResponseParameters) -> None:
    """Check the parameters of compaction."""
    for index, entry in enumerate(request.context_management or ()):
        if entry["type"] != "compaction":
            raise InvalidRequestError(
                f"Invalid value for 'context_management[{index}].type': expected 'compaction'.",
                param=f"context_management[{index}].type",
                code="invalid_value",
            )
    if isinstance(request.input, str):
        return
    for index, item in enumerate(request.items[:-1]):
        if _is_trigger(item):
            raise InvalidRequestError(
                f"Invalid 'input[{index}]': a compaction_trigger must be the last item of the input.",
                param=f"input[{index}]",
                code="invalid_value",
            )


def _is_trigger(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "compaction_trigger"
