"""A planned model response: its upstream calls, the conversations that they continue, and its accumulator."""

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
from api.translate.candidates.usage_report import UsageReport
from api.translate.request.upstream_call import UpstreamCall
from sessions_store.transcript.canonical import NodeKey
from sessions_store.writing.state_records import State


class Accumulator(Protocol):
    """Accumulates Gemini's responses to one request and gives them in OpenAI's form; one class per dialect."""

    def feed(self, response: GenerateContentResponse, *, first_choice: int = 0) -> Sequence[Event]:
        """Add one Gemini response (a whole one or a chunk of a stream); return the events to send."""

    def accumulate(self, response: GenerateContentResponse, *, first_choice: int = 0) -> None:
        """Add the whole Gemini response of one upstream call, without making events; `completion` gives the total."""

    def finish(self) -> Sequence[Event]:
        """Return the closing events; raises UpstreamError if a choice has no finish reason."""

    def failed(self, error: GatewayError) -> Sequence[Event]:
        """End the response with `error`, even after `finish`; return the closing events."""

    def cancelled(self) -> Any:
        """End the response because its client cancelled it or disconnected; OpenAI has no event for that."""

    def completion(self) -> Any:
        """Return the whole response; raises UpstreamError if a choice has no finish reason."""

    @property
    def fault(self) -> GatewayError | None:
        """The reason why the response, now complete, is unusable; None if it is usable."""

    def failed_body(self, error: GatewayError) -> Any:
        """Return the body of a failed response; None if the dialect has only the error body."""

    def lacking(self, response: GenerateContentResponse, choices: int) -> dict[int, str]:
        """Return the choices of a whole Gemini response that are empty: index within the call → finish reason."""

    def shows(self, response: GenerateContentResponse) -> bool:
        """Whether a Gemini response makes a stream send something: content, or an end that is no failure."""

    def discard(self, responses: Iterable[tuple[int, GenerateContentResponse]]) -> None:
        """Count the usage of Gemini responses that are not shown to the client; each comes with the first choice of its
        call.
        """

    @property
    def notes(self) -> Sequence[Note]:
        """The changes that the translation of the response made."""

    def report(self) -> UsageReport:
        """Return the usage and the messages to record."""


class StateBuilder(Protocol):
    """Builds the stored response or completion that is committed with the exchange."""

    def build(
        self, generation: "Generation", outcome: Outcome, nodes: tuple[NodeKey | None, list[NodeKey]]
    ) -> State | None:
        """Return the object to commit, None for nothing; `nodes` are the request's last message and the choices'
        messages.
        """


@dataclass(slots=True)
class Branch:
    """One conversation of a generation: its place in the tree, its upstream call, and its choices."""

    context: ConversationContext
    upstream: UpstreamCall
    first_choice: int
    choices: int


@dataclass(slots=True, kw_only=True)
class Generation:
    """A planned model response: all that running and recording need beside the accounting.

    `instructions` are the instructions of a response, or those made from a completion's `suffix`: they are sent to
    Gemini, but are no message of the conversation. `hold` is the exchange's. `state_builder` builds the object to
    store; None if nothing is stored. `unsigned` says that the conversation was sent without thought signatures, because
    Gemini had called one corrupted. `stopped` ends the stream before Gemini does: the accumulator then sets the finish
    reason.
    """

    accounting: Accounting
    hold: Hold
    accumulator: Accumulator
    branches: Sequence[Branch]
    calls: Sequence[PlannedCall]
    instructions: str = ""
    state_builder: StateBuilder | None = None
    unsigned: bool = False
    stopped: bool = False

    def account_of(self, choice: int) -> str:
        """Return the Gemini account whose response filled a choice: that of the last upstream call for the choice."""
        return next((made.account for made in reversed(self.accounting.attempts) if choice in made.choices), "")

    def drop_content(self) -> None:
        """Drop the upstream bodies of a large request after its record was made: the record has its own copy."""
        if self.hold.size < LARGE:
            return
        self.calls = ()
        self.state_builder = None
        self.branches = [
            replace(branch, upstream=replace(branch.upstream, body={"contents": []}, gemini_contents=[]))
            for branch in self.branches
        ]
        for branch in self.branches:
            branch.context.drop_content()
