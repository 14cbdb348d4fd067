"""Assembles the arguments of a function call that Vertex streams value by value.

Each `partialArgs` entry has the JSON path of its value (`$.place.names[0]`); a string may continue over several
entries. An entry that contradicts an earlier one is an error: no value is overwritten. Source:
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import orjson

from api.translate.candidates.streamed_calls.json_path import Steps, json_path_to_steps
from api.translate.candidates.upstream_json import expect, to_json, unexpected_shape

# The kinds of value, each with its type in JSON.
_VALUES: Final[Mapping[str, tuple[type, ...]]] = {
    "stringValue": (str,),
    "numberValue": (int, float),
    "boolValue": (bool,),
}
_KNOWN: Final = frozenset({*_VALUES, "nullValue", "jsonPath", "willContinue"})
_MAX_HOLES: Final = 10_000  # missing array items of one call before later items
_ABSENT: Final = object()


@dataclass(slots=True)
class _Growing:
    """An incomplete value (`willContinue`): its container, its key, and the values of its entries so far."""

    holder: Any
    key: str | int
    values: list[Any] = field(default_factory=list)


class PartialArgs:
    """The incomplete arguments of one call."""

    def __init__(self) -> None:
        self._args: dict[str, Any] = {}
        self._growing: dict[Steps, _Growing] = {}
        self._lists: dict[int, list[Any]] = {}  # arrays that may have holes, by identity
        self._holes = 0

    def merge(self, args: Mapping[str, Any]) -> None:
        """Add the `args` of one part. Raises UpstreamError if they contradict earlier ones."""
        # A copy, because later entries change its objects and arrays.
        waiting: list[tuple[dict[str, Any], Mapping[str, Any]]] = [(self._args, orjson.loads(to_json(args)))]
        while waiting:
            target, source = waiting.pop()
            for key, value in source.items():
                present = target.get(key, _ABSENT)
                if isinstance(present, dict) and isinstance(value, dict):
                    waiting.append((present, value))
                else:
                    _put(target, key, value)

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add one entry of `partialArgs`. Raises UpstreamError if its value has no valid position."""
        steps = json_path_to_steps(expect(entry.get("jsonPath"), str))
        value = _value(entry)
        growing = self._growing.get(steps)
        more = entry.get("willContinue") is True
        if growing is None:
            holder, key = self._place(steps)
            if not more:
                _put(holder, key, None if value is _ABSENT else value)
                return
            _put(holder, key, "" if value is _ABSENT or isinstance(value, str) else value)
            growing = self._growing[steps] = _Growing(holder, key)
        if value is not _ABSENT:
            growing.values.append(value)
        if not more:
            del self._growing[steps]
            _end(growing)

    @property
    def is_cut(self) -> bool:
        """Whether the last entry of some value is missing."""
        return bool(self._growing)

    def close(self) -> dict[str, Any]:
        """Return the arguments; an incomplete value stays as received."""
        for growing in self._growing.values():
            _end(growing)
        for items in self._lists.values():
            items[:] = [None if item is _ABSENT else item for item in items]
        return self._args

    def _place(self, steps: Steps) -> tuple[Any, str | int]:
        """Return the container of the value at `steps`, and the value's key or index in it."""
        holder: Any = self._args
        for step, following in pairwise(steps):
            self._make_room(holder, step)
            inner = _item(holder, step)
            if inner is _ABSENT:
                inner = [] if isinstance(following, int) else {}
                _put(holder, step, inner)
            holder = inner
        self._make_room(holder, steps[-1])
        return holder, steps[-1]

    def _make_room(self, holder: Any, step: str | int) -> None:
        if isinstance(step, int):
            items = expect(holder, list)
            missing = step + 1 - len(items)
            if missing > 0:
                self._holes += missing - 1
                if self._holes > _MAX_HOLES:
                    raise unexpected_shape()
                items.extend([_ABSENT] * missing)
                self._lists[id(items)] = items


def _value(entry: Mapping[str, Any]) -> Any:
    """Return the value of an entry, _ABSENT if it has none. Raises UpstreamError for an unknown kind of value.

    JSON spells NullValue as `null` or by its name, and some serializers omit `null`.
    """
    if not entry.keys() <= _KNOWN:
        raise unexpected_shape()
    found = [(kind, value) for kind in _VALUES if (value := entry.get(kind)) is not None]
    if not found:
        return None if "nullValue" in entry else _ABSENT
    kind, value = found[0]
    if len(found) > 1 or type(value) not in _VALUES[kind]:
        raise unexpected_shape()
    return value


def _end(growing: _Growing) -> None:
    """Store a completed value: strings are concatenated, other values must be equal."""
    values = growing.values
    if all(isinstance(value, str) for value in values):
        value = "".join(values)
    else:
        value = values[0]
        if any(not _same(value, other) for other in values):
            raise unexpected_shape()
    growing.holder[growing.key] = value


def _item(holder: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return expect(holder, list)[step]
    return expect(holder, dict).get(step, _ABSENT)


def _put(holder: Any, step: str | int, value: Any) -> None:
    """Store a value at a position that is empty or has an equal value."""
    present = _item(holder, step)
    if present is not _ABSENT and not _same(present, value):
        raise unexpected_shape()
    holder[step] = value


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
