"""The cause of a cancelled request: the client disconnected, or the server stops. Both arrive as CancelledError; the
request or connection distinguishes them.
"""

from contextvars import ContextVar
from typing import Final, Protocol

from api.errors import ShuttingDownError


class Served(Protocol):
    """A request or a connection that is being served."""

    @property
    def cut(self) -> bool:
        """Whether the server has cancelled it; False while it runs and after a client's disconnect."""


served: Final[ContextVar[Served | None]] = ContextVar("served", default=None)


def server_cut() -> ShuttingDownError | None:
    """Return the error of a request that the server has cancelled; None after a client's disconnect."""
    serving = served.get()
    if serving is None or not serving.cut:
        return None
    return ShuttingDownError("The server stopped before the response was complete.")
