"""The parsed body of `POST /v1/chat/completions`.

Every parameter of the current API is a field of its real type (https://platform.openai.com/docs/api-reference/chat).
`api.openai.shared.parameters` lists the effect of each one. `rules` checks dependencies between messages and
parameters.
"""

from typing import Annotated

from pydantic import Field

from api.openai.chat.messages import Message
from api.openai.chat.response_format import ResponseFormat
from api.openai.chat.rules import check_messages, check_parameters
from api.openai.chat.tools import FunctionCallChoice, Functions, ToolChoice, Tools
from api.openai.shared.generation_request import GenerationRequest
from api.openai.shared.google_options import GoogleOptions
from api.openai.shared.options import (
    AudioOutput,
    Effort,
    Moderation,
    Prediction,
    PromptCacheOptions,
    ReasoningEffort,
    ReasoningWish,
    TokenLimit,
    TopLogprobs,
    WebSearchOptions,
)
from api.openai.shared.unions import AS_SENT, STOP_AT_FIRST

MAX_MESSAGES = 2000


class ChatCompletionRequest(GenerationRequest, GoogleOptions):
    """A chat request. Nested objects are validated dicts of the client; absent and null parameters are None."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES), STOP_AT_FIRST, AS_SENT]

    max_tokens: TokenLimit | None = None
    max_completion_tokens: TokenLimit | None = None
    logprobs: bool | None = None
    top_logprobs: TopLogprobs | None = None

    tools: Annotated[Tools, AS_SENT] | None = None
    tool_choice: Annotated[ToolChoice, AS_SENT] | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[Functions, AS_SENT] | None = None
    function_call: Annotated[FunctionCallChoice, AS_SENT] | None = None
    response_format: Annotated[ResponseFormat, AS_SENT] | None = None

    reasoning_effort: ReasoningEffort | None = None
    reasoning: ReasoningWish | None = None
    verbosity: str | None = None
    modalities: Annotated[list[str], Field(max_length=16), STOP_AT_FIRST] | None = None
    audio: AudioOutput | None = None
    prediction: Prediction | None = None
    web_search_options: WebSearchOptions | None = None
    moderation: Moderation | None = None

    safety_identifier: Annotated[str, Field(max_length=128)] | None = None
    store: bool | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    prompt_cache_retention: str | None = None

    @property
    def output_limit(self) -> int | None:
        """The maximum number of output tokens, from `max_completion_tokens` or `max_tokens`."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def effort(self) -> Effort | None:
        """The reasoning effort: a string, `{"effort": ...}`, or the effort inside `reasoning`."""
        given = self.reasoning_effort
        effort = given.get("effort") if isinstance(given, dict) else given
        if effort is not None or self.reasoning is None:
            return effort
        return "none" if self.reasoning.get("enabled") is False else self.reasoning.get("effort")

    @property
    def hides_thoughts(self) -> bool:
        """Whether the client excludes thoughts from the response; takes precedence over `asks_for_thoughts`."""
        return bool(self.reasoning and self.reasoning.get("exclude"))

    @property
    def asks_for_thoughts(self) -> bool:
        """Whether the client requests thoughts in the response, beyond an effort."""
        if self.reasoning is not None:
            return not self.hides_thoughts and self.effort != "none"
        return isinstance(self.reasoning_effort, dict) and bool(self.reasoning_effort.get("summary"))

    @property
    def wanted_top_logprobs(self) -> int | None:
        """The number of `top_logprobs` per token; None without log probabilities."""
        return (self.top_logprobs or 0) if self.logprobs else None

    def lacks(self, parameter: str) -> bool:
        """Whether the client omitted `parameter`; the two names of the token limit count as one."""
        if parameter in ("max_tokens", "max_completion_tokens"):
            return self.output_limit is None
        return super().lacks(parameter)


def parse_chat_completion(body: bytes) -> ChatCompletionRequest:
    """Parse the body of a chat request.

    Raises InvalidRequestError with OpenAI's message and the parameter's path as `param` (`messages[0].content`).
    """
    request = ChatCompletionRequest.read(body)
    check_messages(request.messages)
    check_parameters(request)
    return request
