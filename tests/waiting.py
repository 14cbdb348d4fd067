"""Waiting for a condition of another process: polling until a deadline, never a fixed pause."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

Found = TypeVar("Found")

_PAUSE: Final = 0.02


def eventually(look: Callable[[], Found | None], *, timeout: float = 10.0) -> Found:
    """Return the first truthy value of `look`; AssertionError without one after `timeout` seconds."""
    deadline = monotonic() + timeout
    pause = threading.Event()
    while not (found := look()):
        assert monotonic() < deadline, f"{look.__qualname__} found nothing within {timeout} s"
        pause.wait(_PAUSE)
    return found
