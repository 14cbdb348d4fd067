"""The events of a streamed response (https://platform.openai.com/docs/api-reference/responses-streaming).

`type` names an event; `sequence_number` counts the events from 0. Events of one item share `item_id` and
`output_index`.
"""

from typing import Literal

from typing_extensions import TypedDict

from api.openai.responses.response import (
    OutputItem,
    OutputText,
    RefusalPart,
    Response,
    SummaryPart,
    TokenLogprob,
    URLCitation,
)


class _Event(TypedDict):
    sequence_number: int


class ResponseEvent(_Event):
    """A change of the response's status, with the whole response object."""

    type: Literal[
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    ]
    response: Response


class ErrorEvent(_Event):
    """An error outside of any response."""

    type: Literal["error"]
    code: str | None
    message: str
    param: str | None


class OutputItemEvent(_Event):
    """An output item is added or done."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: OutputItem


class _ItemEvent(_Event):
    item_id: str
    output_index: int


class ContentPartEvent(_ItemEvent):
    """A content part is added or done."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    content_index: int
    part: OutputText | RefusalPart


class RefusalDeltaEvent(_ItemEvent):
    """A delta of a refusal."""

    type: Literal["response.refusal.delta"]
    content_index: int
    delta: str


class RefusalDoneEvent(_ItemEvent):
    """A complete refusal."""

    type: Literal["response.refusal.done"]
    content_index: int
    refusal: str


class TextDeltaEvent(_ItemEvent):
    """A delta of a message's text."""

    type: Literal["response.output_text.delta"]
    content_index: int
    delta: str
    logprobs: list[TokenLogprob]


class TextDoneEvent(_ItemEvent):
    """A message's complete text."""

    type: Literal["response.output_text.done"]
    content_index: int
    text: str
    logprobs: list[TokenLogprob]


class AnnotationAddedEvent(_ItemEvent):
    """A citation in a message's text."""

    type: Literal["response.output_text.annotation.added"]
    content_index: int
    annotation_index: int
    annotation: URLCitation


class SummaryPartEvent(_ItemEvent):
    """A paragraph of a reasoning summary is added or done."""

    type: Literal["response.reasoning_summary_part.added", "response.reasoning_summary_part.done"]
    summary_index: int
    part: SummaryPart


class SummaryDeltaEvent(_ItemEvent):
    """A delta of a reasoning summary."""

    type: Literal["response.reasoning_summary_text.delta"]
    summary_index: int
    delta: str


class SummaryDoneEvent(_ItemEvent):
    """A complete paragraph of a reasoning summary."""

    type: Literal["response.reasoning_summary_text.done"]
    summary_index: int
    text: str


class DeltaEvent(_ItemEvent):
    """A delta of a call's arguments, of a custom tool's input, or of an interpreter's code."""

    type: Literal[
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.code_interpreter_call_code.delta",
    ]
    delta: str


class ArgumentsDoneEvent(_ItemEvent):
    """The complete arguments of a function call."""

    type: Literal["response.function_call_arguments.done"]
    name: str
    arguments: str


class CustomInputDoneEvent(_ItemEvent):
    """The complete input of a custom tool call."""

    type: Literal["response.custom_tool_call_input.done"]
    input: str


class _CommandEvent(_Event):
    output_index: int
    command_index: int


class ShellCommandEvent(_CommandEvent):
    """A command of a shell call is added or done."""

    type: Literal["response.shell_call_command.added", "response.shell_call_command.done"]
    command: str


class ShellCommandDeltaEvent(_CommandEvent):
    """A delta of a shell command."""

    type: Literal["response.shell_call_command.delta"]
    delta: str


class CodeDoneEvent(_ItemEvent):
    """The complete code of an interpreter call."""

    type: Literal["response.code_interpreter_call_code.done"]
    code: str


class HostedToolEvent(_ItemEvent):
    """Progress of a hosted tool or of a compaction."""

    type: Literal[
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call.completed",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.generating",
        "response.image_generation_call.completed",
        "response.compaction.compacting",
    ]


ResponseStreamEvent = (
    ResponseEvent
    | ErrorEvent
    | OutputItemEvent
    | ContentPartEvent
    | RefusalDeltaEvent
    | RefusalDoneEvent
    | TextDeltaEvent
    | TextDoneEvent
    | AnnotationAddedEvent
    | SummaryPartEvent
    | SummaryDeltaEvent
    | SummaryDoneEvent
    | DeltaEvent
    | ArgumentsDoneEvent
    | CustomInputDoneEvent
    | ShellCommandEvent
    | ShellCommandDeltaEvent
    | CodeDoneEvent
    | HostedToolEvent
)
