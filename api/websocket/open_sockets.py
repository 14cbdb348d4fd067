"""The number of open WebSockets per caller in this process."""

from collections import Counter

# A key; without a key, an account and the address of the connection, because all keyless callers are one account.
CallerKey = tuple[str, int, str]


class OpenSockets:
    """Counts connections by caller."""

    def __init__(self) -> None:
        self._open: Counter[CallerKey] = Counter()

    def enter(self, caller: CallerKey, most: int) -> bool:
        """Count one more connection of a caller; False, without counting, if it has `most` already."""
        if self._open[caller] >= most:
            return False
        self._open[caller] += 1
        return True

    def leave(self, caller: CallerKey) -> None:
        """Count one connection less."""
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]
