"""Timeouts of connections that one sweep checks each second, instead of a timer for each connection.

Twisted's `TimeoutMixin` creates a timer for each request on a kept-alive connection and cancels it when the head is
complete. Here a timeout is a time on the clock; the sweep may be a second late.
"""

import time

from twisted.protocols.policies import TimeoutMixin

SWEEP_SECONDS = 1.0


class SweptTimeout(TimeoutMixin):  # type: ignore[misc]
    """A timeout; the server calls `check_timeout` each SWEEP_SECONDS."""

    timeOut: float | None
    _ends_at: float | None = None

    def setTimeout(self, period: float | None) -> float | None:
        """Set a timeout of `period` seconds, None for no timeout; return the previous period."""
        previous, self.timeOut = self.timeOut, period
        self._ends_at = None if period is None else time.monotonic() + period
        return previous

    def resetTimeout(self) -> None:
        """Restart the timeout, if one is set."""
        if self._ends_at is not None and self.timeOut is not None:
            self._ends_at = time.monotonic() + self.timeOut

    def check_timeout(self) -> None:
        """Close the connection if the timeout has expired."""
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            self._ends_at = None
            self.timeoutConnection()
