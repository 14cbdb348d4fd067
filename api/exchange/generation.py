"""What a model is to write for one request: the upstream calls, the conversations that they continue, the answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from api.errors import GatewayError
from api.exchange.accounting import Accounting
from api.exchange.conversation.context import ConversationContext
from api.exchange.events import Event
from api.exchange.outcome import Outcome
from api.exchange.running.parallel_calls import PlannedCall
from api.gemini.wire import GenerateContentResponse
from api.notes import Note
from api.resources.byte_budget import Hold
from api.resources.worker_threads import LARGE
from api.translate.answers.usage_report import UsageReport
from api.translate.request.upstream_call import UpstreamCall
from sessions_store.transcript.canonical import Key
from sessions_store.writing.state_records import State


class Accumulator(Protocol):
    """Accumulates Gemini's responses to one request and gives them in OpenAI's form; each dialect has one."""

    def feed(self, response: GenerateContentResponse, *, first_choice: int = 0) -> Sequence[Event]:
        """Add one response (the whole answer or a chunk of a stream); return the events that a stream sends."""

    def fold(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """Add the whole answer of one upstream call: `completion` follows, and no chunks are made."""

    def finish(self) -> Sequence[Event]:
        """Return the closing events; raises UpstreamError if a choice has not ended."""

    def failed(self, error: GatewayError) -> Sequence[Event]:
        """End the answer, also one whose end could not be recorded, because of `error`; return the events of that."""

    def cancelled(self) -> Any:
        """End the answer because its client does not want it any more; there is no event for that."""

    def completion(self) -> Any:
        """Return the plain answer; raises UpstreamError if a choice has not ended."""

    @property
    def fault(self) -> GatewayError | None:
        """Why the answer, of which nothing more comes, is none; None if it is one."""

    def failed_answer(self, error: GatewayError) -> Any:
        """Return the plain answer that says that there is none; None where the dialect has nothing but the error."""

    def lacking(self, response: GenerateContentResponse, choices: int) -> dict[int, str]:
        """Return by index which of a call's `choices` are no answer in a plain response, with their finish reasons."""

    def shows(self, response: GenerateContentResponse) -> bool:
        """Whether a stream gives its client something with a response: of an answer, or an end that is no failure."""

    def discard(self, responses: Iterable[tuple[int, GenerateContentResponse]]) -> None:
        """Count what responses used that are not added; each comes with the first choice of its call."""

    @property
    def notes(self) -> Sequence[Note]:
        """What the answer's translation changed."""

    def report(self) -> UsageReport:
        """Return what is recorded of the answer."""


class Keeper(Protocol):
    """Builds the stored response or completion that is committed with the exchange."""

    def state(self, generation: "Generation", outcome: Outcome, nodes: tuple[Key | None, list[Key]]) -> State | None:
        """Return what is to be stored when the exchange is recorded; `nodes` are its last message and its answers."""


@dataclass(slots=True)
class Branch:
    """One conversation of a generation: its place in the tree, its upstream request and the choices that answer it."""

    memory: ConversationContext
    upstream: UpstreamCall
    first_choice: int
    choices: int


@dataclass(slots=True, kw_only=True)
class Generation:
    """A planned answer: all that running and recording it need beside its accounting.

    `instructions` are those of a response, or what a completion's `suffix` makes: they go upstream, and are no message
    of the conversation. `hold` holds the bytes of the request and of what is read for it, None where nothing counts
    them. `keeper` stores what the client may ask for later, None if nothing is
    stored. `unsigned` says that the conversation was sent without its thought signatures, because Gemini had called one
    corrupted. `stopped` ends the stream before Gemini does: the accumulator then knows how the answer ends.
    """

    accounting: Accounting
    accumulator: Accumulator
    branches: Sequence[Branch]
    calls: Sequence[PlannedCall]
    instructions: str = ""
    hold: Hold | None = None
    keeper: Keeper | None = None
    unsigned: bool = False
    stopped: bool = False

    @property
    def size(self) -> int:
        """How many bytes are held for it; 0 where nothing counts them."""
        return 0 if self.hold is None else self.hold.size

    def drop_content(self) -> None:
        """Drop what a large request sends to Gemini, once its record is made: the record has a copy of it."""
        if self.size < LARGE:
            return
        self.calls = ()
        self.keeper = None
        self.branches = [
            replace(branch, upstream=replace(branch.upstream, body={"contents": []}, faces=[]))
            for branch in self.branches
        ]
        for branch in self.branches:
            branch.memory.drop_content()
