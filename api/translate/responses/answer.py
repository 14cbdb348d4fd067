"""Gemini's answer to the Responses API: the response object at any time of its life, and the events of its stream.

A plain answer is one response fed and then `completion()`; a stream is every chunk fed, its events sent on, then
`finish()`. Follows https://platform.openai.com/docs/api-reference/responses-streaming.
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
from api.translate.answers.candidates import Candidates
from api.translate.answers.choice import Call, Choice, DialectRules
from api.translate.answers.finish_reason import finish_reason_with_calls, refusal_text
from api.translate.answers.generation_result import FoldedAnswer
from api.translate.config.service_tier import service_tier_to_openai
from api.translate.responses.carried_state import StateSigner
from api.translate.responses.output.builder import Events, Output
from api.translate.responses.output.items import AnswerItems
from api.translate.responses.tools.client_tools import CLIENT_TOOLS, client_action, normal_arguments
from api.translate.responses.tools.names import CalledTools, client_tool, flat_name
from api.translate.responses.usage import added_usage, tool_usage, usage_to_responses
from api.translate.tools.custom import custom_input

_INCOMPLETE: Final[Mapping[str, IncompleteReason]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


@dataclass(slots=True, kw_only=True)
class ResponsesAnswer(FoldedAnswer):
    """The answer of one exchange in the making.

    `created_at` is in Unix seconds, and `now` gives them for the end. `item_ids` gives what makes an item's id unique,
    `call_ids` a fresh id for each call. `tool_names` and `called` are those of the ResponsesCall. `family` is the model
    family if the client carries signatures itself (`include: ["reasoning.encrypted_content"]`), else None; `signer`
    signs what it carries. `empty_stop` is as in DialectRules. `thinks` says that the model may think: its reasoning
    item then also comes first where Gemini counts the thoughts at the end of a stream only.
    `feed`, `finish` and `completion` raise UpstreamError for an answer that is none or has not ended.
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
    _items: AnswerItems = field(init=False, repr=False)
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
        self._items = AnswerItems(self._output, self.called, self.family, self.signer)

    def created(self, *, queued: bool = False) -> Events:
        """Return the events that begin the stream, once; `feed` gives them if nobody has asked before.

        `queued` is for a background response, which waits for its turn before it is in progress.
        """
        if self._begun:
            return Events()
        self._begun = True
        self._status = "queued" if queued else "in_progress"
        events = [self._turn("response.created")]
        if queued:
            events.append(self._turn("response.queued"))
            self._status = "in_progress"
        return [*events, self._turn("response.in_progress")]

    def compacting(self) -> Events:
        """Return the events that begin the response and the compaction of what it goes on from."""
        return [*self.created(), *self._items.compacting()]

    def compacted(self, state: str, used: ResponseUsage) -> Events:
        """End the compaction with what the client is to carry; `used` counts as the response's own."""
        self._compaction_usage = used
        return self._items.compacted(state)

    def finish_without_answer(self) -> Events:
        """End a response that was only to compact; return the event that says so."""
        self._status, self._completed_at = "completed", self.now()
        self._ending = [self._turn("response.completed")]
        return self._ending

    def steer(self) -> None:
        """Say that nothing more of the answer is wanted: `finish` ends it as it is. One that calls tools goes on."""
        self._steered = not (self._ended or self._choice.finished or self._choice.calls)

    @property
    def steered(self) -> bool:
        """Whether the answer is to end here."""
        return self._steered

    def feed(self, response: GenerateContentResponse, *, first_choice: int = 0) -> Events:
        """Take one response or chunk; return the events to send."""
        events = self.created()
        gains = self._candidates.take(response, first_choice)
        if not self._items.thought:
            candidates = self._candidates
            self._items.thought = candidates.thought or (self.thinks and candidates.uncounted)
        for choice, pieces in gains:
            events += self._items.take(choice, pieces)
        return events

    def fold(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """See FoldedAnswer: the output items are made as their pieces come."""
        self.feed(response, first_choice=first_choice)

    def finish(self) -> Events:
        """Return the events that end the items and the response."""
        events = self.created()
        if self._ended:
            return events
        if self._steered and not self._choice.finished:
            self._status = "incomplete"
            events += self._items.end(self._choice, whole=False)
            self._ending = [*events, self._turn("response.incomplete")]
            return self._ending
        self._candidates.close()
        reason = _INCOMPLETE.get(self._choice.finish_reason)
        events += self._items.end(self._choice, whole=reason is None)
        if refusal := self._refusal():
            events += self._items.refuse(refusal)
        self._status = "incomplete" if reason else "completed"
        if not reason:
            self._completed_at = self.now()
        self._ending = [*events, self._turn(f"response.{self._status}")]
        return self._ending

    def completion(self) -> Response:
        """Return the whole answer."""
        self.finish()
        return self.response()

    def failed(self, error: GatewayError) -> Events:
        """End the response because of `error`: what there is of it stays; return the events that say so.

        One that has ended well could not be recorded then. One that has failed or was cancelled stays as it ended.
        """
        if self._status in ("completed", "incomplete"):
            self._withdraw(error)
        elif not self._ended:
            events = [*self.created(), *self._items.end(self._choice, whole=False)]
            self._status = "failed"
            self._error = {"code": _error_code(error), "message": error.message}
            self._ending = [*events, self._turn("response.failed")]
        return self._ending

    def failed_answer(self, error: GatewayError) -> Response:
        """End the response because of `error`, and return it: its status tells a client what an error would."""
        self.failed(error)
        return self.response()

    def cancelled(self) -> Response:
        """End the response because its client called it off; return it as it came. OpenAI has no event for that."""
        if not self._ended:
            self._items.end(self._choice, whole=False)
            self._status = "cancelled"
        return self.response()

    def response(self) -> Response:
        """Return the response as it is now."""
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
        """Where in its life the response is."""
        return self._status

    @property
    def ending(self) -> Events:
        """The events that ended the response; none while it goes on, and of one that was cancelled."""
        return self._ending

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The assistant's message for the transcript tree: what `items_to_messages` makes of the output's items."""
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
        """The finish reason in the words of chat completions; "" for an answer that has not ended, or is none."""
        choice = self._choice
        if not choice.finished or choice.fault:
            return [""]
        reason = choice.finish_reason
        return [finish_reason_with_calls(reason, legacy_functions=False) if choice.calls else reason]

    @property
    def native_finish_reasons(self) -> list[str]:
        """Gemini's finish or block reason; "" for an answer that has not ended."""
        return [self._choice.native_finish_reason]

    @property
    def notes(self) -> list[Note]:
        """What the client does not see as Gemini sent it."""
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
        """Return what the answer used, and the compaction before it."""
        used = usage_to_responses(self.usage)
        return used if self._compaction_usage is None else added_usage(used, self._compaction_usage)

    def _served_tier(self) -> str:
        """Return the tier as served; what is left to the account is the default one."""
        tier, asked = self._candidates.service_tier, self.echo["service_tier"]
        if tier:
            return service_tier_to_openai(tier)
        return "default" if self._ended and asked == "auto" else asked

    def _refusal(self) -> str | None:
        """Return what stands in place of an answer that a filter took away whole, None for any other."""
        choice = self._choice
        withheld = choice.finished and choice.finish_reason == "content_filter"
        if not withheld or choice.text or choice.calls or choice.images:
            return None
        return refusal_text(choice.native_finish_reason, blocked=choice.blocked)

    def _withdraw(self, error: GatewayError) -> None:
        """Turn the end of the response, which nobody has seen, into a failure."""
        end: Any = self._ending[-1]
        self._status, self._completed_at = "failed", None
        self._error = {"code": "server_error", "message": error.message}
        response = {**end["response"], "status": "failed", "completed_at": None, "error": self._error}
        failed: Any = {**end, "type": "response.failed", "response": response}
        self._ending = [*self._ending[:-1], failed]

    def _turn(self, kind: str) -> Any:
        return self._output.event(kind, response=self.response())

    def _changed_arguments(self, call: Call) -> Note | None:
        """Return a note of a call whose item cannot hold all that the model gave."""
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
        """Return a call as the tree keeps it, under its flat name."""
        tool = client_tool(call.name, self.called)
        name = flat_name(tool.name, tool.namespace)
        if tool.kind == "custom":
            return {"id": call.id, "type": "custom", "custom": {"name": name, "input": custom_input(call.arguments)}}
        arguments = normal_arguments(tool.kind, call.arguments) if tool.kind in CLIENT_TOOLS else call.arguments
        return {"id": call.id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _error_code(error: GatewayError) -> ErrorCode:
    """Return the word of OpenAI's closed list that fits best."""
    if isinstance(error, RateLimitError):
        return "rate_limit_exceeded"
    return "invalid_prompt" if isinstance(error, InvalidRequestError) else "server_error"


def _renamed(note: Note) -> Note:
    """Return a note of the shared leaves under the names of the Responses API."""
    if note.param == "choices[0].finish_reason":
        return Note(note.kind, "status", note.reason)
    if note.param == "choices":
        return Note(note.kind, "output", note.reason)
    return Note(note.kind, note.param.replace("choices[0].message", "output"), note.reason)
