"""Pairs tool results with the open calls of a conversation, in order, by the names and ids as sent.

OpenAI's results have only the call's id; Gemini's need the function name, and the order of the calls (rules 12 to 15).
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

from api.errors import InvalidRequestError


@dataclass(slots=True)
class OpenCall:
    """A call of the open batch: `name` and `gemini_id` as sent, `position` within the batch."""

    call_id: str
    client_name: str
    name: str
    gemini_id: str | None
    position: int
    resolved: bool = False


class CallBatch:
    """The calls of the latest model content with calls. Ids may repeat in later contents, and even within one."""

    def __init__(self) -> None:
        self._calls: list[OpenCall] = []
        self._by_id: dict[str, deque[OpenCall]] | None = None  # built for the first result
        self._by_name: dict[str, deque[OpenCall]] | None = None
        self.begun = False  # whether the batch has any result

    def open(self, calls: Iterable[OpenCall]) -> None:
        """Begin a new batch; the previous batch must be closed."""
        self._calls, self.begun = list(calls), False
        self._by_id = self._by_name = None

    def close(self) -> list[OpenCall]:
        """End the batch; return the calls without a result."""
        missing = [call for call in self._calls if not call.resolved]
        self._calls, self.begun = [], False
        self._by_id = self._by_name = None
        return missing

    def resolve(self, call_id: str, *, path: str) -> OpenCall:
        """Return the call of a tool message and mark it as resolved.

        Raises InvalidRequestError if the batch has no open call of this id.
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

    def resolve_at(self, position: int) -> OpenCall:
        """Return the call at a known position of the batch and mark it as resolved."""
        call = self._calls[position]
        call.resolved = self.begun = True
        return call

    def resolve_by_name(self, client_name: str, *, path: str) -> OpenCall:
        """Return the call of a legacy function message and mark it as resolved.

        Raises InvalidRequestError if the batch has no open call of this name.
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
        """Mark the first open call as resolved and return it; None if there is none."""
        while calls:
            call = calls.popleft()
            if not call.resolved:
                call.resolved = self.begun = True
                return call
        return None


def _grouped(calls: Iterable[OpenCall], key: Callable[[OpenCall], str]) -> dict[str, deque[OpenCall]]:
    """Return the calls by `key`, each group in order."""
    groups: dict[str, deque[OpenCall]] = {}
    for call in calls:
        groups.setdefault(key(call), deque()).append(call)
    return groups
