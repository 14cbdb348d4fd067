"""One open stream of Gemini's responses: deadlines, size limit, and errors inside the stream."""

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api.errors import GatewayError, UpstreamError, UpstreamTimeoutError, UpstreamUnreachableError
from api.gemini.error_mapping import upstream_error
from api.gemini.sse import StreamDecoder
from api.gemini.transport import ConnectFailedError, ConnectTimeoutError, TransportError, UpstreamResponse
from api.gemini.wire import GenerateContentResponse

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES: Final = 40 * 2**20
STEP: Final = 2**16  # bytes between two calls of `on_growth`


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadlines:
    """Timeouts of an upstream call, in seconds, and the size limit of its response, in bytes.

    `connect`: TCP and TLS; `first_byte`: from the request to the response's first bytes; `idle`: between two chunks of
    a stream; `total`: the whole call.
    """

    connect: float = 10.0
    first_byte: float = 120.0
    idle: float = 60.0
    total: float = 600.0
    answer_bytes: int = MAX_ANSWER_BYTES


class UpstreamStream:
    """One open stream of Gemini's responses. `close()` drops the connection at once, so Gemini stops generating.

    `received` counts the bytes so far; `on_growth` is called once per STEP bytes.
    """

    __slots__ = (
        "_decoder",
        "_due",
        "_ends_at",
        "_fault",
        "_idle",
        "_loop",
        "_mark",
        "_model",
        "_most",
        "_response",
        "ended",
        "on_growth",
        "received",
    )

    def __init__(
        self, response: UpstreamResponse, deadlines: Deadlines, *, started: float, ends_at: float, model: str
    ) -> None:
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._decoder = StreamDecoder()
        self._model = model
        self._idle = deadlines.idle
        self._ends_at = ends_at
        # next deadline: first byte, then idle, at most the total
        self._due = min(started + deadlines.first_byte, self._ends_at)
        self._fault: GatewayError | None = None
        self._most = deadlines.answer_bytes
        self._mark = min(STEP, self._most)
        self.received = 0
        self.on_growth: Callable[[int], None] | None = None
        self.ended = False

    async def read(self, wait: float) -> list[GenerateContentResponse] | None:
        """Return the decoded responses (one or more), None after `wait` seconds without any, [] at the end.

        Raises UpstreamTimeoutError past the idle or total deadline, and the error that Gemini sends inside a stream.
        """
        if self._fault is not None:
            raise self._fault
        until = self._loop.time() + wait
        while not self.ended:
            due = self._due
            try:
                data = await self._response.receive(min(until, due))
            except TransportError as error:
                raise connection_error(error) from None
            now = self._loop.time()
            if now >= self._ends_at:
                raise UpstreamTimeoutError("The upstream model did not finish within the time limit.")
            if data is None:
                self._check_silence(now, due)
                return None
            self._due = min(now + self._idle, self._ends_at)
            self.ended = not data
            self.received += len(data)
            if self.received > self._mark:
                self._grown()
            responses: list[Any] = self._decoder.feed(data) if data else self._decoder.finish()
            for response in responses:
                if "error" in response:
                    return self._checked(responses)
            if responses:
                return responses
        return []

    def _check_silence(self, now: float, due: float) -> None:
        """Raise UpstreamTimeoutError if the deadline `due` has passed."""
        if now >= due:
            raise UpstreamTimeoutError("The upstream model sent nothing within the time limit between two chunks.")

    def _grown(self) -> None:
        """Report the bytes since the last mark to `on_growth`; raises UpstreamError above the size limit."""
        if self.on_growth is not None:
            self.on_growth(STEP)
        if self.received > self._most:
            raise too_large()
        self._mark = min(self.received + STEP, self._most)

    def _checked(self, responses: list[Any]) -> list[GenerateContentResponse]:
        """Return the responses before an error object; raise the error now if it comes first, else on the next read."""
        for position, response in enumerate(responses):
            fault = response.get("error")
            if fault is None:
                continue
            code = fault.get("code") if isinstance(fault, dict) else None
            self._fault = upstream_error(code if isinstance(code, int) else 500, response, {}, openai_model=self._model)
            if not position:
                raise self._fault
            return responses[:position]
        return responses

    def close(self) -> None:
        """Close the stream. Closing an unfinished stream drops its connection, the only way to stop Gemini."""
        if self.ended:
            self._response.release()
        else:
            self._response.close()


def too_large() -> UpstreamError:
    """Return the error of a response above the size limit."""
    return UpstreamError("The upstream response is larger than the limit of this server.", retryable=False)


def connection_error(error: TransportError) -> GatewayError:
    """Log a failed connection and return its error."""
    logger.warning("Connection to Gemini failed: %s", error)
    if isinstance(error, ConnectTimeoutError):
        return UpstreamTimeoutError("The upstream could not be reached within the time limit.")
    if isinstance(error, ConnectFailedError):
        return UpstreamUnreachableError("Gemini cannot be reached from this server. Check the server's network.")
    return UpstreamError("The connection to the upstream was lost.")
