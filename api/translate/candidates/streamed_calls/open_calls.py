"""Assembles function calls from several parts: assigns each part to a call, and decides when a call is complete.

Vertex can stream a call in several parts (`willContinue`). The first part usually has the name, and the last one is an
empty `functionCall`; but name, id and arguments may each come in any part, and calls with ids may be interleaved. Every
argument is assigned to its call, or an error is raised: no argument is dropped. Source:
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, cast

from api.gemini.wire import Part
from api.translate.candidates.empty_response import unplaced
from api.translate.candidates.streamed_calls.partial_args import PartialArgs
from api.translate.candidates.upstream_json import expect, unexpected_shape

_ARGUMENTS: Final = frozenset({"args", "partialArgs"})
_STREAMED_FIELDS: Final = _ARGUMENTS | {"willContinue"}


def is_whole(call: Mapping[str, Any]) -> bool:
    """Return whether a `functionCall` is complete in this one part."""
    return bool(call.get("name")) and call.get("args") is not None and not call.keys() & {"partialArgs", "willContinue"}


class _OpenCall:
    """One incomplete call; `more` is True if Gemini announced another part of the call."""

    __slots__ = ("_args", "_call", "_part", "ended", "has_args", "id", "more", "name")

    def __init__(self) -> None:
        self.name = self.id = ""
        self.more = self.has_args = self.ended = False
        self._part: dict[str, Any] = {}
        self._call: dict[str, Any] = {}
        self._args = PartialArgs()

    def continues(self, name: str, call_id: str, call: Mapping[str, Any]) -> bool:
        """Return whether a part with this name and id, each "" if missing, belongs to this call."""
        if call_id and self.id:
            return call_id == self.id
        if not name:
            return True
        has_args = bool(call.keys() & _ARGUMENTS)
        if not self.name:
            return self.more or not has_args
        # A name with `willContinue` begins a call, possibly a second call of the same function.
        return name == self.name and self.more and (has_args or call.get("willContinue") is not True)

    def add(self, part: Mapping[str, Any], call: Mapping[str, Any]) -> None:
        """Add one part. Raises UpstreamError for a name or arguments that contradict earlier parts."""
        known = (self.name, self.id)
        self._part |= part  # the thought signature, too, may come in any part
        self._call |= {key: value for key, value in call.items() if key not in _STREAMED_FIELDS and value}
        self.name, self.id = self._call.get("name", ""), self._call.get("id", "")
        if known[0] not in ("", self.name):
            raise unexpected_shape()
        marks_end = known == (self.name, self.id) and not call.keys() & _ARGUMENTS
        args = call.get("args")
        if args is not None:
            self._args.merge(expect(args, dict))
        entries = expect(call.get("partialArgs") or [], list)
        for entry in entries:
            self._args.add(expect(entry, dict))
        self.has_args = self.has_args or args is not None or bool(entries)
        self.more = call.get("willContinue") is True
        # A lone name may be a call without arguments, or the beginning of a call.
        self.ended = bool(self.name) and not self.more and (self.has_args or marks_end)

    @property
    def is_cut(self) -> bool:
        """Whether a value of its arguments is incomplete."""
        return self._args.is_cut

    def whole(self) -> Part:
        """Return the part of the complete call. Raises UpstreamError without a name."""
        if not self.name:
            raise unplaced()
        whole = {**self._part, "functionCall": {**self._call, "args": self._args.close()}}
        return cast("Part", whole)


class OpenCalls:
    """The open calls of a choice, emitted in the order of their first parts.

    `cut` is True if an emitted call had an incomplete argument value.
    """

    __slots__ = ("_by_id", "_calls", "_current", "_emitted", "cut")

    def __init__(self) -> None:
        self.cut = False
        self._calls: deque[_OpenCall] = deque()
        self._by_id: dict[str, _OpenCall] = {}
        self._current: _OpenCall | None = None  # the call of the last part
        self._emitted: set[str] = set()  # ids

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(self, part: Mapping[str, Any], call: Mapping[str, Any]) -> list[Part]:
        """Add one part with its `functionCall`; return the parts of the calls completed by it.

        Raises UpstreamError for arguments that belong to no call.
        """
        name = expect(call.get("name") or "", str)
        call_id = expect(call.get("id") or "", str)
        late = not name and call_id in self._emitted
        owner = None if late else self._owner(name, call_id, call)
        if owner is None:
            if late and call.keys() & _ARGUMENTS:
                raise unplaced()
            if late or not (name or call_id or call.keys() & _ARGUMENTS):
                return []  # the end of a call that has ended already
            owner = self._begin()
        owner.add(part, call)
        self._current = owner
        if owner.id:
            self._by_id[owner.id] = owner
        return self._complete()

    def pause(self) -> list[Part]:
        """Return the calls that a part of another kind completes."""
        current = self._current
        if current is not None and current.name and not current.more:
            current.ended = True
        return self._complete()

    def close(self) -> list[Part]:
        """End all calls at the end of the response. Raises UpstreamError for arguments without a name."""
        for call in self._calls:
            call.ended = True
        return self._complete()

    def _owner(self, name: str, call_id: str, call: Mapping[str, Any]) -> _OpenCall | None:
        """Return the open call of a part; None if the part begins a call."""
        named = self._by_id.get(call_id)
        for candidate in (named, self._current, self._only()):
            if candidate is not None and not candidate.ended and candidate.continues(name, call_id, call):
                return candidate
        return None

    def _only(self) -> _OpenCall | None:
        return self._calls[0] if len(self._calls) == 1 else None

    def _begin(self) -> _OpenCall:
        """Begin a call and end the previous one, unless the previous call has an id and `willContinue`."""
        before = self._current
        if before is not None and before.name and not (before.id and before.more):
            before.ended = True
        call = _OpenCall()
        self._calls.append(call)
        return call

    def _complete(self) -> list[Part]:
        complete: list[Part] = []
        while self._calls and self._calls[0].ended:
            call = self._calls.popleft()
            if call.id:
                self._by_id.pop(call.id, None)
                self._emitted.add(call.id)
            self.cut = self.cut or call.is_cut
            complete.append(call.whole())
        return complete
