"""Pairs the calls and results of a whole conversation, and orders them for Gemini.

OpenAI's Responses API pairs calls and results by `call_id` alone: messages may come between them, and the results in
any order. Gemini requires the results directly after their calls (rules 12 and 13). No history is rejected here.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sessions_store.transcript.values import RESULT_ROLES

Message = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Pairing:
    """The calls and results of a conversation, by the positions of their messages.

    `order` lists all positions with each result behind its call. `call_positions` maps a result to the index of its
    call in the preceding calling message. `repeats` has the surplus results of a call, and whether each equals the
    first. `unanswered` lists the calls without a result: position and id. A result in neither mapping has no call.
    """

    order: Sequence[int]
    call_positions: Mapping[int, int]
    repeats: Mapping[int, bool]
    unanswered: Sequence[tuple[int, str]]

    @property
    def moved(self) -> bool:
        """Whether `order` differs from the order of the messages."""
        return any(place != index for index, place in enumerate(self.order))


def paired(messages: Sequence[Message]) -> Pairing | None:
    """Return the pairing of calls and results; None for a conversation without any of them.

    A result is paired with the nearest earlier open call of its id, else with the first later open call. A result with
    a function name only is paired in the same way, with the calls left open by the ids.
    """
    calls = _calls(messages)
    results = [place for place, message in enumerate(messages) if message["role"] in RESULT_ROLES]
    if not calls and not results:
        return None
    with_id = [(place, messages[place]["tool_call_id"]) for place in results if messages[place]["role"] == "tool"]
    named = [(place, messages[place]["name"]) for place in results if messages[place]["role"] == "function"]
    repeats = _pair(_by_id(calls), with_id)
    if named:
        repeats |= _pair(_by_name(calls), named)
    last_result = {call.result: call for call in calls if call.result is not None}
    return Pairing(
        order=_order(messages, calls),
        call_positions={place: call.position for place, call in last_result.items()},
        repeats={place: messages[place]["content"] == messages[first]["content"] for place, first in repeats.items()},
        unanswered=[(call.place, call.id) for call in calls if call.result is None],
    )


def in_order(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages with each result behind its call."""
    pairing = paired(messages)
    return messages if pairing is None else [messages[place] for place in pairing.order]


@dataclass(slots=True, kw_only=True)
class _Call:
    """A call: the position of its message, its index in the message, and the position of its result."""

    place: int
    position: int
    id: str
    name: str
    result: int | None = None


@dataclass(slots=True)
class _Waiting:
    """The calls of one id or name, relative to the current position: earlier ones by message, later ones, and all."""

    before: list[deque[_Call]] = field(default_factory=list)
    behind: deque[_Call] = field(default_factory=deque)
    every: deque[_Call] = field(default_factory=deque)
    last_result: int | None = None  # position of the last result

    def nearest(self, place: int) -> _Call | None:
        """Remove and return the first open call of the nearest earlier message.

        Positions must increase from call to call.
        """
        while self.behind and self.behind[0].place < place:
            call = self.behind.popleft()
            if not self.before or not self.before[-1] or self.before[-1][-1].place != call.place:
                self.before.append(deque())
            self.before[-1].append(call)
        while self.before:
            found = _first_open(self.before[-1])
            if found is not None:
                return found
            self.before.pop()
        return None


def _pair(waiting: Mapping[str, _Waiting], results: Sequence[tuple[int, str]]) -> dict[int, int]:
    """Pair each result (position, key) with a call; return surplus result -> position of the call's last result.

    A result before its call gets a call that the other results left open.
    """
    left: list[tuple[int, _Waiting]] = []
    for place, key in results:
        calls = waiting.get(key)
        if calls is not None and not _assign_result(calls, calls.nearest(place), place):
            left.append((place, calls))
    return {
        place: calls.last_result
        for place, calls in left
        if not _assign_result(calls, _first_open(calls.every), place) and calls.last_result is not None
    }


def _assign_result(calls: _Waiting, call: _Call | None, place: int) -> bool:
    if call is None:
        return False
    call.result = calls.last_result = place
    return True


def _by_id(calls: Sequence[_Call]) -> dict[str, _Waiting]:
    waiting: dict[str, _Waiting] = {}
    for call in calls:
        own = waiting.setdefault(call.id, _Waiting())
        own.behind.append(call)
        own.every.append(call)
    return waiting


def _by_name(calls: Sequence[_Call]) -> dict[str, _Waiting]:
    """Return the calls by name, and by name without namespace."""
    waiting: dict[str, _Waiting] = {}
    for call in calls:
        for name in dict.fromkeys((call.name, call.name.rpartition(".")[2])):
            own = waiting.setdefault(name, _Waiting())
            own.last_result = call.result if own.last_result is None else own.last_result
            own.behind.append(call)
            own.every.append(call)
    return waiting


def _first_open(calls: deque[_Call]) -> _Call | None:
    while calls:
        call = calls.popleft()
        if call.result is None:
            return call
    return None


def _calls(messages: Sequence[Message]) -> list[_Call]:
    calls: list[_Call] = []
    for place, message in enumerate(messages):
        for position, call in enumerate(message.get("tool_calls") or ()):
            name = (call["custom"] if call.get("type") == "custom" else call["function"])["name"]
            calls.append(_Call(place=place, position=position, id=call.get("id") or "", name=name))
    return calls


def _order(messages: Sequence[Message], calls: Sequence[_Call]) -> list[int]:
    """Return all positions: each result follows its call and the model's text messages directly after the call."""
    results: dict[int, list[int]] = {}
    for call in calls:
        if call.result is not None:
            results.setdefault(call.place, []).append(call.result)
    moved = {call.result for call in calls}
    order: list[int] = []
    pending: list[int] = []
    for place, message in enumerate(messages):
        if place in moved:
            continue
        if pending and not (_is_text(message) and place < pending[0]):
            order += pending
            pending = []
        order.append(place)
        pending = sorted(results[place]) if place in results else pending
    return order + pending


def _is_text(message: Message) -> bool:
    return message["role"] == "assistant" and not message.get("tool_calls")
