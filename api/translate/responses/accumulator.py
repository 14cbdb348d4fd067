"""Gemini's responses to the Responses API: the response object in any status, and the events of its stream.

A plain request is one response in `feed()` and `completion()`; a stream is `feed()` for every chunk, then `finish()`.
Source: https://platform.openai.com/docs/api-reference/responses-streaming.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from api.errors import GatewayError, InvalidRequestError, RateLimitError
from api.gemini.wire import GenerateContentResponse
from api.notes import Note
from api.openai.responses.response import (
    ErrorCode,
    IncompleteDetails,
    IncompleteReason,
    Response,
    ResponseError,
    ResponseParametersEcho,
    ResponseStatus,
    ResponseUsage,
)
from api.translate.candidates.base_accumulator import BaseAccumulator
from api.translate.candidates.choice import Call, Choice, DialectRules
from api.translate.candidates.choices import Candidates
from api.translate.candidates.finish_reason import finish_reason_with_calls, refusal_text
from api.translate.config.service_tier import service_tier_to_openai
from api.translate.responses.carried_state import StateSigner
from api.translate.responses.output.builder import Events, Output
from api.translate.responses.output.items import OutputItems
from api.translate.responses.tools.client_tools import CLIENT_TOOLS, client_action, normal_arguments
from api.translate.responses.tools.names import CalledTools, client_tool, flat_name
from api.translate.responses.usage import added_usage, tool_usage, usage_to_responses
from api.translate.tools.custom import custom_input

_INCOMPLETE: Final[Mapping[str, IncompleteReason]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


@dataclass(slots=True, kw_only=True)
class ResponseAccumulator(BaseAccumulator):
    """Accumulates the response of one exchange.

    `created_at` is in Unix seconds, and `now` returns them for the end. `item_ids` yields the unique parts of item ids,
    `call_ids` a fresh id for each call. `tool_names` and `called` are those of the ResponsesCall. `family` is the model
    family if the client stores signatures itself (`include: ["reasoning.encrypted_content"]`), else None; `signer`
    signs carried state. `empty_stop` is as in DialectRules. `thinks` says that the model may think: its reasoning
    item then also comes first where Gemini counts the thoughts at the end of a stream only.

    `feed`, `finish` and `completion` raise UpstreamError for an unusable or unfinished response.
    """

    id: str
    created_at: int
    now: Callable[[], int]
    echo: ResponseParametersEcho
    item_ids: Iterator[str]
    call_ids: Iterator[str]
    tool_names: Mapping[str, str]
    called: CalledTools
    signer: StateSigner
    family: str | None = None
    top_logprobs: int | None = None
    empty_stop: bool = False
    thinks: bool = False
    _candidates: Candidates = field(init=False, repr=False)
    _output: Output = field(init=False, repr=False)
    _items: OutputItems = field(init=False, repr=False)
    _begun: bool = field(init=False, repr=False, default=False)
    _status: ResponseStatus = field(init=False, repr=False, default="in_progress")
    _error: ResponseError | None = field(init=False, repr=False, default=None)
    _completed_at: int | None = field(init=False, repr=False, default=None)
    _compaction_usage: ResponseUsage | None = field(init=False, repr=False, default=None)
    _steered: bool = field(init=False, repr=False, default=False)
    _ending: Events = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        rules = DialectRules(
            call_ids=self.call_ids,
            tool_names=self.tool_names,
            call_limit=None if self.echo["parallel_tool_calls"] else 1,
            top_logprobs=self.top_logprobs,
            own_tools=True,
            empty_stop=self.empty_stop,
        )
        self._candidates = Candidates(1, rules)
        self._output = Output(self.item_ids)
        self._items = OutputItems(self._output, self.called, self.family, self.signer)

    def created(self, *, queued: bool = False) -> Events:
        """Return the first events of the stream, once; `feed` returns them if this method was not called before.

        `queued` is for a background response, which is queued before it is in progress.
        """
        if self._begun:
            return Events()
        self._begun = True
        self._status = "queued" if queued else "in_progress"
        events = [self._response_event("response.created")]
        if queued:
            events.append(self._response_event("response.queued"))
            self._status = "in_progress"
        return [*events, self._response_event("response.in_progress")]

    def compacting(self) -> Events:
        """Return the first events of the response and of the compaction of its conversation."""
        return [*self.created(), *self._items.compacting()]

    def compacted(self, state: str, used: ResponseUsage) -> Events:
        """End the compaction with the state for the client; `used` counts as usage of the response."""
        self._compaction_usage = used
        return self._items.compacted(state)

    def finish_without_answer(self) -> Events:
        """End a response that only compacts; return its last event."""
        self._status, self._completed_at = "completed", self.now()
        self._ending = [self._response_event("response.completed")]
        return self._ending

    def steer(self) -> None:
        """End the response at the next `finish`, as incomplete, unless it has ended or has calls."""
        self._steered = not (self._ended or self._choice.finished or self._choice.calls)

    @property
    def steered(self) -> bool:
        """Whether injected input ends the response here."""
        return self._steered

    def feed(self, response: GenerateContentResponse, *, first_choice: int = 0) -> Events:
        """Add one response or chunk; return the events to send."""
        events = self.created()
        gains = self._candidates.take(response, first_choice)
        if not self._items.thought:
            candidates = self._candidates
            self._items.thought = candidates.thought or (self.thinks and candidates.uncounted)
        for choice, deltas in gains:
            events += self._items.take(choice, deltas)
        return events

    def accumulate(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """See BaseAccumulator: the output items are built in `feed`."""
        self.feed(response, first_choice=first_choice)

    def finish(self) -> Events:
        """Return the last events of the items and of the response."""
        events = self.created()
        if self._ended:
            return events
        if self._steered and not self._choice.finished:
            self._status = "incomplete"
            events += self._items.end(self._choice, whole=False)
            self._ending = [*events, self._response_event("response.incomplete")]
            return self._ending
        self._candidates.close()
        reason = _INCOMPLETE.get(self._choice.finish_reason)
        events += self._items.end(self._choice, whole=reason is None)
        if refusal := self._refusal():
            events += self._items.refuse(refusal)
        self._status = "incomplete" if reason else "completed"
        if not reason:
            self._completed_at = self.now()
        self._ending = [*events, self._response_event(f"response.{self._status}")]
        return self._ending

    def completion(self) -> Response:
        """Return the complete response object."""
        self.finish()
        return self.response()

    def failed(self, error: GatewayError) -> Events:
        """End the response with status failed and its partial output; return its last events.

        A completed response becomes failed too, because recording it failed. A failed or cancelled response stays
        unchanged.
        """
        if self._status in ("completed", "incomplete"):
            self._withdraw(error)
        elif not self._ended:
            events = [*self.created(), *self._items.end(self._choice, whole=False)]
            self._status = "failed"
            self._error = {"code": _error_code(error), "message": error.message}
            self._ending = [*events, self._response_event("response.failed")]
        return self._ending

    def failed_body(self, error: GatewayError) -> Response:
        """End the response with status failed and return it."""
        self.failed(error)
        return self.response()

    def cancelled(self) -> Response:
        """End the response with status cancelled and return it with its partial output.

        OpenAI has no event for this status.
        """
        if not self._ended:
            self._items.end(self._choice, whole=False)
            self._status = "cancelled"
        return self.response()

    def response(self) -> Response:
        """Return the response object in its current state."""
        has_usage = self._ended and (self._status in ("completed", "incomplete") or self._candidates.usage_metadata)
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": self._status,
            "access_programs": None,
            "billing": {"payer": "developer"},
            "completed_at": self._completed_at,
            "error": self._error,
            "incomplete_details": self._incomplete_details(),
            "moderation": None,
            "output": self._items.items,
            "tool_usage": tool_usage(self._items.searches),
            "usage": self._usage() if has_usage or self._compaction_usage else None,
            **self.echo,
            "service_tier": self._served_tier(),
        }

    @property
    def status(self) -> ResponseStatus:
        """The current status of the response."""
        return self._status

    @property
    def ending(self) -> Events:
        """The last events of the response; none while it is in progress, and none of a cancelled response."""
        return self._ending

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The assistant message for the transcript tree, equal to `items_to_messages` of the output items."""
        choice = self._choice
        message: dict[str, Any] = {"role": "assistant", "content": "".join(choice.text) if choice.text else None}
        if refusal := self._refusal():
            message["refusal"] = refusal
        if choice.thoughts:
            message["reasoning_content"] = "".join(choice.thoughts)
        if choice.images:
            message["images"] = [{"type": "image_url", "image_url": {"url": url}} for url in choice.images]
        if choice.calls:
            message["tool_calls"] = [self._called(call) for call in choice.calls]
        return [message]

    @property
    def finish_reasons(self) -> list[str]:
        """The finish reason in the form of chat completions; "" for an unfinished or unusable response."""
        choice = self._choice
        if not choice.finished or choice.fault:
            return [""]
        reason = choice.finish_reason
        return [finish_reason_with_calls(reason, legacy_functions=False) if choice.calls else reason]

    @property
    def native_finish_reasons(self) -> list[str]:
        """Gemini's finish or block reason; "" for an unfinished response."""
        return [self._choice.native_finish_reason]

    @property
    def notes(self) -> list[Note]:
        """The differences between Gemini's responses and the client's response object."""
        notes = [_renamed(note) for note in self._candidates.notes]
        if self._ended and (lost := self._items.lost_citations(self._choice)):
            reason = f"{lost} citations arrived after the end of their message"
            notes.append(Note("dropped", "output.content.annotations", reason))
        notes += [note for call in self._choice.calls if (note := self._changed_arguments(call)) is not None]
        return notes

    @property
    def _shows_thoughts(self) -> bool:
        return True

    @property
    def _choice(self) -> Choice:
        return self._candidates.choices[0]

    @property
    def _ended(self) -> bool:
        return self._status not in ("queued", "in_progress")

    def _incomplete_details(self) -> IncompleteDetails | None:
        if self._status != "incomplete":
            return None
        choice = self._choice
        return {"reason": _INCOMPLETE[choice.finish_reason] if choice.finished else "steered"}

    def _usage(self) -> ResponseUsage:
        """Return the usage of the response, including its compaction."""
        used = usage_to_responses(self.usage)
        return used if self._compaction_usage is None else added_usage(used, self._compaction_usage)

    def _served_tier(self) -> str:
        """Return the tier as served; `auto` becomes `default`."""
        tier, requested = self._candidates.service_tier, self.echo["service_tier"]
        if tier:
            return service_tier_to_openai(tier)
        return "default" if self._ended and requested == "auto" else requested

    def _refusal(self) -> str | None:
        """Return the refusal of a response that a content filter left empty, else None."""
        choice = self._choice
        filtered = choice.finished and choice.finish_reason == "content_filter"
        if not filtered or choice.text or choice.calls or choice.images:
            return None
        return refusal_text(choice.native_finish_reason, blocked=choice.blocked)

    def _withdraw(self, error: GatewayError) -> None:
        """Replace the last event, which was not sent yet, by a failure."""
        end: Any = self._ending[-1]
        self._status, self._completed_at = "failed", None
        self._error = {"code": "server_error", "message": error.message}
        response = {**end["response"], "status": "failed", "completed_at": None, "error": self._error}
        failed: Any = {**end, "type": "response.failed", "response": response}
        self._ending = [*self._ending[:-1], failed]

    def _response_event(self, kind: str) -> Any:
        return self._output.event(kind, response=self.response())

    def _changed_arguments(self, call: Call) -> Note | None:
        """Return a note for a call whose arguments do not fit its item."""
        kind = client_tool(call.name, self.called).kind
        if kind not in CLIENT_TOOLS:
            return None
        if client_action(kind, call.arguments) is None:
            return Note("converted", "output", f"incomplete call of {kind}: returned as a function call")
        given = {name: value for name, value in orjson.loads(call.arguments).items() if value is not None}
        if orjson.loads(normal_arguments(kind, call.arguments)) != given:
            return Note("converted", "output", f"arguments of {kind} converted to the fields of the item")
        return None

    def _called(self, call: Call) -> dict[str, Any]:
        """Return a call in the form of the transcript tree, under its flat name."""
        tool = client_tool(call.name, self.called)
        name = flat_name(tool.name, tool.namespace)
        if tool.kind == "custom":
            return {"id": call.id, "type": "custom", "custom": {"name": name, "input": custom_input(call.arguments)}}
        arguments = normal_arguments(tool.kind, call.arguments) if tool.kind in CLIENT_TOOLS else call.arguments
        return {"id": call.id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _error_code(error: GatewayError) -> ErrorCode:
    """Return the nearest code of OpenAI's closed list."""
    if isinstance(error, RateLimitError):
        return "rate_limit_exceeded"
    return "invalid_prompt" if isinstance(error, InvalidRequestError) else "server_error"


def _renamed(note: Note) -> Note:
    """Return a note of the shared translations under the names of the Responses API."""
    if note.param == "choices[0].finish_reason":
        return Note(note.kind, "status", note.reason)
    if note.param == "choices":
        return Note(note.kind, "output", note.reason)
    return Note(note.kind, note.param.replace("choices[0].message", "output"), note.reason)
