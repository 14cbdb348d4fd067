"""Which result belongs to which call of a whole conversation, wherever both stand, and the order that Gemini wants.

OpenAI's Responses API pairs calls and results by `call_id` alone: messages may stand between them, and the results in
any order. Gemini wants the results right behind their calls (rules 12 and 13). Nothing here refuses a history.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sessions_store.transcript.values import RESULT_ROLES

Message = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Pairing:
    """The calls and results of a conversation, by the places of their messages.

    `order` are all places with each result behind its call. `answers` gives for a result which call of the message
    before it that is. `repeats` gives for a result of a call that has one already the place of the first. `unanswered`
    are the calls without a result: place and id. A result in neither mapping belongs to no call.
    """

    order: Sequence[int]
    answers: Mapping[int, int]
    repeats: Mapping[int, bool]
    unanswered: Sequence[tuple[int, str]]

    @property
    def moved(self) -> bool:
        """Whether the order is another one than that of the messages."""
        return any(place != index for index, place in enumerate(self.order))


def paired(messages: Sequence[Message]) -> Pairing | None:
    """Return how calls and results belong together; None for a conversation without any of them.

    A result belongs to the nearest open call before it with its id, else to the first open one behind it; a result
    that has only a function's name to the open call of that name, in the same way, as far as ids leave one.
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
    answered = {call.result: call for call in calls if call.result is not None}
    return Pairing(
        order=_order(messages, calls),
        answers={place: call.position for place, call in answered.items()},
        repeats={place: messages[place]["content"] == messages[first]["content"] for place, first in repeats.items()},
        unanswered=[(call.place, call.id) for call in calls if call.result is None],
    )


def in_order(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages with each result behind its call."""
    pairing = paired(messages)
    return messages if pairing is None else [messages[place] for place in pairing.order]


@dataclass(slots=True, kw_only=True)
class _Call:
    """A call: the place of its message, which of its calls it is, and the place of its result."""

    place: int
    position: int
    id: str
    name: str
    result: int | None = None


@dataclass(slots=True)
class _Waiting:
    """The calls of one key: those before the place that is looked at, a list for each message, those behind it, and
    all of them.
    """

    before: list[deque[_Call]] = field(default_factory=list)
    behind: deque[_Call] = field(default_factory=deque)
    every: deque[_Call] = field(default_factory=deque)
    answered: int | None = None  # the place of the last result

    def nearest(self, place: int) -> _Call | None:
        """Take the first open call of the last message before a place that has any; places come in order."""
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
    """Give each result, a place and a key, its call; return those whose call has one already, with the place of that.

    A result whose call stands behind it takes what is left by the others.
    """
    left: list[tuple[int, _Waiting]] = []
    for place, key in results:
        calls = waiting.get(key)
        if calls is not None and not _answer(calls, calls.nearest(place), place):
            left.append((place, calls))
    return {
        place: calls.answered
        for place, calls in left
        if not _answer(calls, _first_open(calls.every), place) and calls.answered is not None
    }


def _answer(calls: _Waiting, call: _Call | None, place: int) -> bool:
    if call is None:
        return False
    call.result = calls.answered = place
    return True


def _by_id(calls: Sequence[_Call]) -> dict[str, _Waiting]:
    waiting: dict[str, _Waiting] = {}
    for call in calls:
        own = waiting.setdefault(call.id, _Waiting())
        own.behind.append(call)
        own.every.append(call)
    return waiting


def _by_name(calls: Sequence[_Call]) -> dict[str, _Waiting]:
    """Return the calls by name, and by their name without a namespace."""
    waiting: dict[str, _Waiting] = {}
    for call in calls:
        for name in dict.fromkeys((call.name, call.name.rpartition(".")[2])):
            own = waiting.setdefault(name, _Waiting())
            own.answered = call.result if own.answered is None else own.answered
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
    """Return all places, results behind the calls that they answer and the words that the model said with those."""
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
        if pending and not (_says_more(message) and place < pending[0]):
            order += pending
            pending = []
        order.append(place)
        pending = sorted(results[place]) if place in results else pending
    return order + pending


def _says_more(message: Message) -> bool:
    return message["role"] == "assistant" and not message.get("tool_calls")
