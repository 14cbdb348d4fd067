"""A watchdog of the event loop: a log line names the functions that blocked the loop.

The loop stores the time at each heartbeat, and a thread compares it with the clock. If the time is too old, the thread
reads the stack of the loop's thread: files, lines and function names of this project, never a value.
"""

import asyncio
import logging
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Final

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 0.1
QUIET_SECONDS: Final = 10.0  # the least time between two lines
MOST_FRAMES: Final = 8
_ROOT: Final = Path(__file__).resolve().parents[2]
_OURS: Final = tuple(f"{_ROOT / package}/" for package in ("api", "gemini_gateway", "sessions_store"))
# A stack is read up to the loop itself. One that is nothing but these waits for events and is not blocked.
_LOOPS: Final = (
    "/asyncio/base_events.py",
    "/asyncio/events.py",
    "/asyncio/runners.py",
    "/selectors.py",
    "/twisted/internet/asyncioreactor.py",
)


class LoopWatchdog:
    """Watches one event loop from `start` to `stop`. `blocked` counts the blocks that were longer than the limit."""

    def __init__(self) -> None:
        self.blocked = 0
        self._limit = self._beat = self._seen = 0.0
        self._reported_at = float("-inf")
        self._unreported = 0
        self._over = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    def start(self, limit: float) -> None:
        """Watch the running loop from now on; up to `limit` seconds without it are not worth a word."""
        self._limit, self._beat = limit, min(BEAT_SECONDS, limit / 2)
        self._over.clear()
        self._note(asyncio.get_running_loop())
        watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, args=(watched,), name="loop-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, if it has begun; to be called where the loop runs."""
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()

    def _note(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note that the loop runs, and again after a beat."""
        self._seen = time.monotonic()
        self._timer = loop.call_later(self._beat, self._note, loop)

    def _watch(self, thread: int) -> None:
        """Look at each beat; runs in a thread of its own."""
        reported = 0.0  # the beat that was missed last: one report for each time that the loop stands still
        while not self._over.wait(self._beat):
            now, seen = time.monotonic(), self._seen
            if seen == reported or now - seen <= self._limit:
                continue
            where = running(sys._current_frames().get(thread))  # noqa: SLF001 - there is no other way to another stack
            if where is not None:
                reported = seen
                self.blocked += 1
                self._report(now, round((now - seen) * 1000), where)

    def _report(self, now: float, milliseconds: int, where: str) -> None:
        if now - self._reported_at < QUIET_SECONDS:
            self._unreported += 1
            return
        more = f" ({self._unreported} more times since the last warning)" if self._unreported else ""
        self._reported_at, self._unreported = now, 0
        logger.warning("The event loop was blocked for %d ms by %s%s", milliseconds, where, more)


def running(frame: FrameType | None) -> str | None:
    """Return the functions of this project on a loop's stack, outermost first; None if the loop only waits."""
    ours: list[str] = []
    busy = False
    while frame is not None and not frame.f_code.co_filename.endswith(_LOOPS):
        busy = True
        name = frame.f_code.co_filename
        if name.startswith(_OURS) and len(ours) < MOST_FRAMES:
            ours.append(f"{name.removeprefix(f'{_ROOT}/')}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    if not busy:
        return None
    return " > ".join(reversed(ours)) or "library code"
