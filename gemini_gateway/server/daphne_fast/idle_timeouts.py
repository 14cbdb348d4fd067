"""Timeouts of connections that one sweep looks at, each second, instead of a timer for each.

Twisted's `TimeoutMixin` makes a timer for each request on a kept connection, cancels it when the head has come, and
pushes the reactor's next turn about. Here a timeout is a time on the clock; it may be noticed a second late.
"""

import time

from twisted.protocols.policies import TimeoutMixin

SWEEP_SECONDS = 1.0


class SweptTimeout(TimeoutMixin):  # type: ignore[misc]
    """A timeout of which somebody calls `check_timeout` each SWEEP_SECONDS."""

    timeOut: float | None
    _ends_at: float | None = None

    def setTimeout(self, period: float | None) -> float | None:
        """Begin a timeout of `period` seconds, or have none; returns the period before."""
        previous, self.timeOut = self.timeOut, period
        self._ends_at = None if period is None else time.monotonic() + period
        return previous

    def resetTimeout(self) -> None:
        """Begin the timeout anew, if there is one."""
        if self._ends_at is not None and self.timeOut is not None:
            self._ends_at = time.monotonic() + self.timeOut

    def check_timeout(self) -> None:
        """End the connection if its time is over."""
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            self._ends_at = None
            self.timeoutConnection()
