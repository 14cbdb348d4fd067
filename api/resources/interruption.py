"""Who ends what is being served before its time: the client, which has left, or the server, which stops.

Both arrive as a cancellation. The server's side of a request or connection says which one it was.
"""

from contextvars import ContextVar
from typing import Final, Protocol

from api.errors import ShuttingDownError


class Served(Protocol):
    """A request or a connection that is being served."""

    @property
    def cut(self) -> bool:
        """Whether the server has cut it short; False while it goes on, and when its client has left."""


served: Final[ContextVar[Served | None]] = ContextVar("served", default=None)


def server_cut() -> ShuttingDownError | None:
    """Return the fault of what the server has cut short; None if it was the client who left."""
    serving = served.get()
    if serving is None or not serving.cut:
        return None
    return ShuttingDownError("The server stopped before the response was complete.")
