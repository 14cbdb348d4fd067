"""How the pieces of a streamed answer become bytes: one form for each family of endpoints."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from api.errors import GatewayError
from api.openai.error_body import error_body
from api.openai.sse import DONE, event, named_event


class Encoding(Protocol):
    """One form of a stream."""

    @property
    def chunk(self) -> Callable[[Any], bytes]:
        """Encodes one piece."""

    def closing(self, chunks: Sequence[Any]) -> bytes:
        """Encode the last pieces and the end of the stream."""

    def failure(self, answer: Any, error: GatewayError) -> bytes:
        """Encode how a stream that has begun fails; `answer` is the exchange's."""


class ChatEncoding:
    """Unnamed events, `[DONE]` at the end, an error object when it breaks: chat and legacy completions."""

    chunk = staticmethod(event)

    def closing(self, chunks: Sequence[Any]) -> bytes:
        """See Encoding."""
        return b"".join([*map(event, chunks), DONE])

    def failure(self, answer: Any, error: GatewayError) -> bytes:
        """See Encoding."""
        return event(error_body(error))


class ResponsesEncoding:
    """Events named by their type, for one stream; nothing comes after its last event."""

    def __init__(self) -> None:
        self._last: Sequence[Any] = ()

    def chunk(self, chunk: Any) -> bytes:
        """See Encoding."""
        return named_event(chunk["type"], chunk)

    def closing(self, chunks: Sequence[Any]) -> bytes:
        """See Encoding."""
        self._last = chunks
        return b"".join(map(self.chunk, chunks))

    def failure(self, answer: Any, error: GatewayError) -> bytes:
        """See Encoding."""
        # A response that was recorded as failed has its events already: nobody has seen them.
        events = failed_events(answer, error, self._last) or answer.failure
        return b"".join(map(self.chunk, events))


def failed_events(answer: Any, error: GatewayError, last: Sequence[Any]) -> Sequence[Any]:
    """Return the events of a response that fails; the answer itself knows them, unless it has ended already.

    Then its `last` events are made and were not sent, because the response could not be recorded: what it says of
    itself is no longer true.
    """
    events: Sequence[Any] = answer.failed(error)
    if events or not last:
        return events
    end = last[-1]
    problem = {"code": "server_error", "message": error.message}
    response = {**end["response"], "status": "failed", "completed_at": None, "error": problem}
    return [*last[:-1], {**end, "type": "response.failed", "response": response}]


CHAT = ChatEncoding()
