"""One request and its answer, from the planned upstream calls to the recorded end.

The answer is recorded before its last byte leaves, and a failed or abandoned exchange is recorded
too. Plain and streamed answers go through the same folding (`Answer`), the same record and the same notes.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from api.authentication import Caller
from api.byte_budget import Hold
from api.errors import GatewayError
from api.exchange.events import Event
from api.exchange.fanout import PlannedCall
from api.exchange.memory import Memory
from api.gemini.wire import Content, GenerateContentResponse
from api.large_work import LARGE
from api.notes import Note, notes_header
from api.translate.chat.request import UpstreamCall
from gemini_gateway.frozen import frozen
from sessions_store.canonical import Key
from sessions_store.state_records import State


class Answer(Protocol):
    """What the translations of answers share: fold Gemini's responses, give OpenAI's form and what is to be kept."""

    def feed(self, response: GenerateContentResponse, *, first_choice: int = 0) -> Sequence[Event]:
        """Fold one response (the whole answer or a piece of a stream); return the events that a stream sends."""

    def fold(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """Fold the whole answer of one upstream call: `completion` follows, and no chunks are made."""

    def finish(self) -> Sequence[Event]:
        """Return the closing events; raises UpstreamError when a choice never got its end."""

    def failed(self, error: GatewayError) -> Sequence[Event]:
        """End the answer, also one whose end could not be recorded, because of `error`; return the events of that."""

    def cancelled(self) -> Any:
        """End the answer because its client does not want it any more; there is no event for that."""

    def completion(self) -> Any:
        """Return the plain answer; raises UpstreamError when a choice never got its end."""

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
        """Count what responses used that are not folded; each comes with the first choice of its call."""

    @property
    def complete(self) -> bool:
        """Whether every choice has its end."""

    @property
    def contents(self) -> list[Content]:
        """Gemini's exact content of each choice."""

    @property
    def messages(self) -> Sequence[Any]:
        """OpenAI's assistant message of each choice."""

    @property
    def usage(self) -> Mapping[str, Any]:
        """OpenAI's usage object."""

    @property
    def usage_metadata(self) -> list[Any]:
        """Gemini's last usageMetadata of each upstream call, as it can be stored."""

    @property
    def counts_sound(self) -> bool:
        """Whether the counts in it are what they should be."""

    @property
    def searches(self) -> list[int]:
        """How many queries each upstream call put to Google Search, in the order of `usage_metadata`."""

    @property
    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice."""

    @property
    def native_finish_reasons(self) -> list[str]:
        """Gemini's finish reason of each choice."""

    @property
    def model_version(self) -> str | None:
        """The model that Gemini says answered."""

    @property
    def notes(self) -> list[Note]:
        """What the answer's translation changed."""


class Keeper(Protocol):
    """What stores the object that an exchange makes, beside its transcript."""

    def state(
        self, exchange: "Exchange", status: str, error: GatewayError | None, nodes: tuple[Key | None, list[Key]]
    ) -> State | None:
        """Return what is to be stored when the exchange is recorded; `nodes` are its last message and its answers."""


@frozen()
class Recorded:
    """What the record of an exchange says, once the database has it: whether it ended well, and the message that its
    conversation goes on from (None: there is none).
    """

    ok: bool
    head: Key | None


@frozen()
class Branch:
    """One conversation of an exchange: its place in the tree, its upstream request and the choices that answer it."""

    memory: Memory
    upstream: UpstreamCall
    first_choice: int
    choices: int


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Everything about one request that its answer and its record need. Times are monotonic seconds.

    `unsigned` says that the turns went without their thought signatures, because Gemini had called one corrupted.
    `instructions` are those of a response, or what a completion's `suffix` makes: they go upstream, and are no message
    of the conversation.
    `stopped` ends its stream before Gemini does, with nothing lost that was sent: the answer then knows its end.
    `fault` is why the server itself called it off, which then is no hang-up of its client's.
    `hold` holds the bytes of the request and of what is read for it, None where nothing counts them.
    `keeper` stores what the client may ask for later, None if nothing is. `committed` is there once it is recorded.
    """

    request_id: str
    endpoint: str
    caller: Caller
    public_model: str
    upstream_model: str
    stream: bool
    user: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    answer: Answer | None = None
    branches: Sequence[Branch] = ()
    calls: Sequence[PlannedCall] = ()
    notes: list[Note] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    first_byte: float | None = None
    attempts: int = 0
    recorded: bool = False
    unsigned: bool = False
    stopped: bool = False
    fault: GatewayError | None = None
    instructions: str = ""
    keeper: Keeper | None = None
    committed: Recorded | None = None
    hold: Hold | None = None

    @property
    def planned_answer(self) -> Answer:
        """The answer's translation; an exchange has one as soon as it is planned."""
        if self.answer is None:
            raise AssertionError("an exchange is planned before it runs")
        return self.answer

    @property
    def answer_begun(self) -> bool:
        """Whether Gemini has given anything to keep."""
        return self.answer is not None and self.first_byte is not None

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield the response headers that say what was done and remembered."""
        yield "x-gateway-model", self.upstream_model
        notes = [*self.notes, *(self.answer.notes if self.answer is not None else ())]
        if notes:
            yield "x-gateway-notes", notes_header(notes)
        memory = self.branches[0].memory if self.branches else None
        if memory is not None and memory.session is not None:
            yield "x-session-id", memory.public_id
            yield "x-session-messages", str(len(memory.before))

    @property
    def size(self) -> int:
        """How many bytes it holds; 0 where nothing counts them."""
        return 0 if self.hold is None else self.hold.size

    def hold_bytes(self, size: int) -> None:
        """Hold what has been read for the request; raises OverloadedError when the process holds too much."""
        if self.hold is not None:
            self.hold.grow(size)

    def drop_content(self) -> None:
        """Drop what a large request asked of Gemini, once its record is made: the record has a copy of it."""
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

    def release(self) -> None:
        """Let the next request of the session go on."""
        for branch in self.branches:
            branch.memory.release()
