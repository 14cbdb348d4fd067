"""Which call a tool's result answers: the calls of a conversation, in order, each with the name and id as sent.

OpenAI's results carry only the call's id, Gemini's need its name, and the order of a batch (rules 12 to 15).
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

from api.errors import InvalidRequestError


@dataclass(slots=True)
class OpenCall:
    """A call of the batch that waits for results. `name` and `gemini_id` are as sent; `position` is its place."""

    call_id: str
    client_name: str
    name: str
    gemini_id: str | None
    position: int
    answered: bool = False


class CallBatch:
    """The calls of the latest model turn that made any. Ids may repeat from turn to turn, and even within one."""

    def __init__(self) -> None:
        self._calls: list[OpenCall] = []
        self._by_id: dict[str, deque[OpenCall]] | None = None  # made when the first result comes
        self._by_name: dict[str, deque[OpenCall]] | None = None
        self.begun = False  # whether some result of the batch has come

    def open(self, calls: Iterable[OpenCall]) -> None:
        """Begin a new batch; the one before must be closed."""
        self._calls, self.begun = list(calls), False
        self._by_id = self._by_name = None

    def close(self) -> list[OpenCall]:
        """End the batch; return the calls that nobody answered."""
        missing = [call for call in self._calls if not call.answered]
        self._calls, self.begun = [], False
        self._by_id = self._by_name = None
        return missing

    def answer(self, call_id: str, *, path: str) -> OpenCall:
        """Return the call that a tool message answers and mark it.

        Raises InvalidRequestError if no call of the batch waits under this id.
        """
        if self._by_id is None:
            self._by_id = _grouped(self._calls, attrgetter("call_id"))
        call = self._take(self._by_id.get(call_id))
        if call is not None:
            return call
        raise InvalidRequestError(
            "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
            param=f"{path}.tool_call_id",
            code="invalid_value",
        )

    def answer_at(self, position: int) -> OpenCall:
        """Return the call at a place of the batch and mark it, where it is known which one is answered."""
        call = self._calls[position]
        call.answered = self.begun = True
        return call

    def answer_by_name(self, client_name: str, *, path: str) -> OpenCall:
        """Return the call that a legacy function message answers and mark it.

        Raises InvalidRequestError if no call of this name waits.
        """
        if self._by_name is None:
            self._by_name = _grouped(self._calls, attrgetter("client_name"))
        call = self._take(self._by_name.get(client_name))
        if call is not None:
            return call
        raise InvalidRequestError(
            "Invalid parameter: messages with role 'function' must be a response to a preceding message with "
            "'function_call'.",
            param=f"{path}.name",
            code="invalid_value",
        )

    def _take(self, calls: deque[OpenCall] | None) -> OpenCall | None:
        """Mark the first of these calls that waits and return it; None if none does."""
        while calls:
            call = calls.popleft()
            if not call.answered:
                call.answered = self.begun = True
                return call
        return None


def _grouped(calls: Iterable[OpenCall], key: Callable[[OpenCall], str]) -> dict[str, deque[OpenCall]]:
    """Return the calls by what a result names them by, each group in order."""
    groups: dict[str, deque[OpenCall]] = {}
    for call in calls:
        groups.setdefault(key(call), deque()).append(call)
    return groups
