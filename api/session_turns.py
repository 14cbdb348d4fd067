"""Whose turn it is: the requests of a chat session, or of a conversation, are answered one after the other."""

import asyncio
from collections import deque
from typing import Final

# The principal, and what names the session (user and name) or the conversation ("" and its id).
Name = tuple[int, str, str]
_NOBODY: Final[deque["asyncio.Future[None]"]] = deque()


class SessionTurns:
    """The turns of one event loop. A session that nobody uses leaves nothing behind."""

    def __init__(self) -> None:
        self._waiting: dict[Name, deque[asyncio.Future[None]]] = {}  # of each session in use: who comes next

    def __bool__(self) -> bool:
        """Whether anybody has a turn."""
        return bool(self._waiting)

    async def take(self, name: Name, *, patience: float) -> "SessionTurn | None":
        """Wait for the turns before this one, at most `patience` seconds; None means going on without a turn.

        Going on is safe: the store hangs the later request under the earlier one when both are recorded.
        """
        if name not in self._waiting:
            self._waiting[name] = _NOBODY
            return SessionTurn(self, name)
        if self._waiting[name] is _NOBODY:
            self._waiting[name] = deque()
        given = asyncio.get_running_loop().create_future()
        self._waiting[name].append(given)
        try:
            await asyncio.wait([given], timeout=patience)
        except BaseException:
            if not given.cancel():
                self.give(name)
            raise
        return None if given.cancel() else SessionTurn(self, name)

    def give(self, name: Name) -> None:
        """Give the turn to who waits for it longest."""
        waiting = self._waiting[name]
        while waiting:
            if not (given := waiting.popleft()).done():
                given.set_result(None)
                return
        del self._waiting[name]


class SessionTurn:
    """A request's turn, until it ends; one that is lost on the way ends too."""

    __slots__ = ("_name", "_turns")

    def __init__(self, turns: SessionTurns, name: Name) -> None:
        self._turns: SessionTurns | None = turns
        self._name = name

    def end(self) -> None:
        """Let the next one go on."""
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.give(self._name)

    __del__ = end
