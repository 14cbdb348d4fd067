"""Function calls that arrive in pieces: Vertex can stream a call's arguments value by value.

Each piece names its place with a JSON path (`$.place.names[0]`); strings grow over several pieces. Follows
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from api.translate.upstream_json import expect, unexpected_shape

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
_VALUES: Final = ("stringValue", "numberValue", "boolValue")


class OpenCall:
    """A call whose arguments are still coming: `part` is its first part, complete once `close` has been called."""

    def __init__(self, part: Mapping[str, Any]) -> None:
        self.part: dict[str, Any] = dict(part)
        call = expect(part.get("functionCall"), dict)
        self._call = {key: value for key, value in call.items() if key not in ("willContinue", "partialArgs")}
        self._args: dict[str, Any] = dict(expect(call.get("args") or {}, dict))
        self._growing: set[str] = set()
        self.add(call)

    def add(self, call: Mapping[str, Any]) -> None:
        """Take the `partialArgs` of one more piece."""
        for piece in expect(call.get("partialArgs") or [], list):
            self._set(expect(piece, dict))

    def close(self) -> dict[str, Any]:
        """Return the part with the whole call in it."""
        self.part["functionCall"] = {**self._call, "args": self._args}
        return self.part

    def _set(self, piece: dict[str, Any]) -> None:
        path = expect(piece.get("jsonPath"), str)
        value: Any = next((piece[key] for key in _VALUES if key in piece), None)
        holder, last = self._place(path)
        if path in self._growing and isinstance(value, str):
            value = expect(_item(holder, last), str) + value
        if piece.get("willContinue") is True:
            self._growing.add(path)
        else:
            self._growing.discard(path)
        _put(holder, last, value)

    def _place(self, path: str) -> tuple[Any, str | int]:
        """Return the object or array that holds the value at `path`, and the value's key or index in it."""
        steps = _steps(path)
        holder: Any = self._args
        for step, following in pairwise(steps):
            inner = _item(holder, step)
            if inner is None:
                inner = [] if isinstance(following, int) else {}
                _put(holder, step, inner)
            holder = inner
        return holder, steps[-1]


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            break
        name = next((group for group in (match[1], match[3], match[4]) if group is not None), None)
        steps.append(int(match[2]) if name is None else name)
        position = match.end()
    if not steps or position != len(path) or not path.startswith("$"):
        raise unexpected_shape()
    return steps


def _item(holder: Any, step: str | int) -> Any:
    if isinstance(step, int):
        items = expect(holder, list)
        return items[step] if step < len(items) else None
    return expect(holder, dict).get(step)


def _put(holder: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int):
        items = expect(holder, list)
        items.extend([None] * (step + 1 - len(items)))
        items[step] = value
    else:
        expect(holder, dict)[step] = value
