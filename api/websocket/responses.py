"""The WebSocket on `/v1/responses`: `response.create` frames in, the events of a stream out as frames.

Frames of one `stream_id` (a lane; most clients have one lane, without a name) are served in order, lanes concurrently.
A connection remembers its own responses, also with `store: false`, so that a client needs to send only new input.
`generate: false` stores the input without an upstream call. `response.steer` injects input into a running response. A
disconnect cancels the running responses.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from api.access_log import log_request
from api.auth.admission import Credentials
from api.auth.authentication import authenticate
from api.errors import GatewayError, InvalidRequestError, RateLimitError, ShuttingDownError
from api.exchange.planning.plan import RequestOrigin, open_exchange
from api.exchange.recording.record import Recorded
from api.exchange.responses.auto_compaction import plan_managed
from api.exchange.responses.continuation import LocalResponse
from api.exchange.responses.plan import PlannedResponse
from api.exchange.responses.run import store_input, stream_response
from api.failures import to_gateway_error
from api.http.request_id import new_request_id
from api.notes import Note
from api.openai.responses.request import ResponsesRequest, check_response
from api.openai.responses.steering import SteerInput, parse_steer_input
from api.openai.shared.error_body import error_body
from api.openai.shared.json_body import parse_json
from api.resources.byte_budget import Hold
from api.resources.interruption import served
from api.websocket.frames import Frames
from api.websocket.open_sockets import CallerKey, OpenSockets
from api.websocket.steering import Steering, successor
from sessions_store.writing.state_records import given_call_ids

if TYPE_CHECKING:
    from api.auth.principals import Caller
    from api.services import Services

MAX_LANES: Final = 16
MAX_WAITING: Final = 16  # frames of one lane
MAX_LOCAL_RESPONSES: Final = 256  # responses of one connection
OWN_NAMES: Final = frozenset({"type", "stream_id", "generate", "stream", "background"})
# Before the handshake: 4000 + the HTTP status. `serve` sends this status, plain uvicorn 403.
REJECTED: Final = 4403
TOO_MANY: Final = 4429
TOO_LARGE: Final = 1009
RESTARTING: Final = 1012  # https://www.iana.org/assignments/websocket: service restart

Scope = dict[str, Any]
Frame = dict[str, Any]
# A frame, the changes made while it was read, and the hold of its bytes.
Arrived = tuple[Frame, Sequence[Note], Hold]
Lane = asyncio.Queue[Arrived]


class ResponsesConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One WebSocket connection. It belongs to no group, so it needs no channel layer."""

    channel_layer_alias = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._services: Services  # set by __call__
        self._caller: Caller | None = None
        self._counted: CallerKey | None = None
        self._peer = ""
        self.cut = False  # see api.resources.interruption.Served
        self._lanes: dict[str | None, Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._local: dict[str, LocalResponse] = {}
        self._steering = Steering(self._local.__contains__)
        self._closing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, *channel: Any) -> None:
        """Serve the connection until it ends."""
        self._services = scope["services"]
        try:
            await super().__call__(scope, *channel)
        finally:
            await self._cancel_lanes()
            if self._counted is not None:
                self._services.shared(OpenSockets).leave(self._counted)

    async def connect(self) -> None:
        """Admit the caller like every route does, up to MAX_SOCKETS_PER_CALLER connections; else close."""
        credentials = Credentials.of_handshake(self.scope)
        self._peer = credentials.peer
        try:
            self._caller, _ = await authenticate(self._services, credentials)
        except GatewayError as error:
            self._log(error)
            await self.close(code=REJECTED)
            return
        key = (self._caller.principal_id, credentials.peer)
        if not self._services.shared(OpenSockets).enter(key, settings.MAX_SOCKETS_PER_CALLER):
            self._log(RateLimitError("Too many WebSockets are open."))
            await self.close(code=TOO_MANY)
            return
        self._counted = key
        served.set(self)
        await self.accept()
        self._services.end_on_drain(self)

    def drain(self) -> None:
        """See Connection: frames received so far are served, then the connection is closed."""
        self._closing = asyncio.ensure_future(self._close_when_idle())

    async def _close_when_idle(self) -> None:
        await asyncio.gather(*(queue.join() for queue in self._lanes.values()))
        await self.close(code=RESTARTING)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Queue a frame in its lane; send an error frame if it is not valid."""
        raw = text_data.encode("utf-8", "surrogatepass") if text_data is not None else bytes_data or b""
        lane: str | None = None
        if len(raw) > settings.MAX_BODY_BYTES:  # reached only under a server with a higher limit
            await self.close(code=TOO_LARGE)
            return
        hold = Hold(self._services.budget)
        try:
            hold.grow(len(raw))
            frame, notes = _frame(raw)
            if frame["type"] == "response.steer":
                await self._steering.accept(frame, parse_steer_input(frame, notes=notes), Frames(self._text, None))
                return
            lane = frame.get("stream_id")
            if self._closing is not None:
                raise ShuttingDownError("The server is shutting down. Please try again.")
            self._lane(lane).put_nowait((frame, notes, hold))
            hold.share()
        except asyncio.QueueFull:
            error: GatewayError = RateLimitError("Too many frames are waiting on this connection.", retry_after=1)
            self._log(error)
            await self._fail(error, lane)
        except GatewayError as failure:
            self._log(failure)
            await self._fail(failure, lane)
        finally:
            hold.release()

    async def disconnect(self, code: int) -> None:
        """Cancel the running responses: no client is left to receive them."""
        self.cut = code == RESTARTING
        if self._closing is not None:
            self._closing.cancel()
        await self._cancel_lanes()

    async def _cancel_lanes(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for queue in self._lanes.values():
            while not queue.empty():
                queue.get_nowait()[-1].release()

    def _lane(self, lane: str | None) -> Lane:
        """Return the queue of a lane. Raises RateLimitError beyond MAX_LANES."""
        queue = self._lanes.get(lane)
        if queue is None:
            if len(self._lanes) == MAX_LANES:
                raise RateLimitError(
                    f"Too many values of 'stream_id': expected at most {MAX_LANES} on one connection.", retryable=False
                )
            queue = self._lanes[lane] = asyncio.Queue(MAX_WAITING)
            self._tasks.append(asyncio.create_task(self._serve(lane, queue)))
        return queue

    async def _serve(self, lane: str | None, queue: Lane) -> None:
        while True:
            arrived = await queue.get()
            try:
                await self._serve_frame(arrived, lane)
            except Exception as error:  # noqa: BLE001 - the frame's edge: every failure becomes an error frame
                await self._fail(to_gateway_error(error), lane)
            finally:
                arrived[-1].release()
                del arrived  # else an idle lane would keep a large frame
                queue.task_done()

    async def _serve_frame(self, arrived: Arrived, lane: str | None) -> None:
        """Serve one frame: send its events."""
        frame, notes, hold = arrived
        body = {name: value for name, value in frame.items() if name not in OWN_NAMES}
        with self._rejection_logged():
            request = ResponsesRequest.parse({**body, "stream": True}, notes=notes)
            warm_up = frame.get("generate") is False or request.prewarms
            if not warm_up or request.input:  # without input it may set tools and instructions only
                check_response(request)
        request, joined = self._steering.joined(request)
        try:
            steer_inputs, planned = await self._respond(request, (lane, hold), warm_up=warm_up)
        except GatewayError as error:
            await self._reject(joined, lane, error)
            raise
        while steer_inputs:
            try:
                steer_inputs, planned = await self._respond(successor(planned, steer_inputs), (lane, hold))
            except GatewayError as error:
                await self._reject(steer_inputs, lane, error)
                return

    async def _reject(self, steer_inputs: list[SteerInput], lane: str | None, error: GatewayError) -> None:
        message = f"The next response could not be created: {error.message}"
        await self._steering.reject(steer_inputs, Frames(self._text, lane), "successor_creation_failed", message)

    async def _respond(
        self, request: ResponsesRequest, place: tuple[str | None, Hold], *, warm_up: bool = False
    ) -> tuple[list[SteerInput], PlannedResponse]:
        """Run one request of a lane; return the steer inputs for its successor, and the plan of the response."""
        lane, hold = place
        assert self._caller is not None  # noqa: S101 - no frame precedes the handshake
        catalogue = await self._services.store.catalogue()  # an edit applies from the next frame on
        origin = RequestOrigin(
            new_request_id(), self._caller, catalogue, "", settings.MEMORY_ENABLED, hold=hold, peer=self._peer
        )
        frames = Frames(self._text, lane)
        steer_inputs: list[SteerInput] = []
        async with open_exchange(self._services, request, origin, "responses", stream=True) as exchange:
            planned = await plan_managed(exchange, request, local=self._local)
            if warm_up:
                await self._warm_up(planned, frames)
            else:
                steer_inputs = await self._stream(planned, frames)
        if exchange.committed is not None and exchange.committed.ok:
            self._store_local(planned, exchange.committed)
        return steer_inputs, planned

    async def _stream(self, planned: PlannedResponse, frames: Frames) -> list[SteerInput]:
        """Send a response's events; return the steer inputs that arrived meanwhile."""
        self._steering.begin(planned, frames)
        try:
            events = await stream_response(planned)
            try:
                async for batch in events:  # an empty batch sends nothing: WebSocket has its own keep-alive
                    for event in batch:
                        await frames.write(event)
            finally:
                await events.aclose()
        finally:
            steer_inputs = await self._steering.end(planned)
        return steer_inputs

    async def _text(self, text: str) -> None:
        await self.send(text_data=text)

    async def _warm_up(self, planned: PlannedResponse, frames: Frames) -> None:
        """Store the input without an upstream call, and send the events."""
        for event in await store_input(planned):
            await frames.write(event)

    def _store_local(self, planned: PlannedResponse, committed: Recorded) -> None:
        if len(self._local) == MAX_LOCAL_RESPONSES:
            del self._local[next(iter(self._local))]
        called = given_call_ids(planned.accumulator.response()["output"])
        self._local[planned.accumulator.id] = LocalResponse(committed.head, planned.state_builder.settings, called)

    @contextmanager
    def _rejection_logged(self) -> Iterator[None]:
        """Write the access line of a frame that is rejected before its exchange."""
        try:
            yield
        except GatewayError as error:
            self._log(error)
            raise

    def _log(self, error: GatewayError) -> None:
        log_request("WebSocket /v1/responses", error.status, {"code": error.code or error.type, "peer": self._peer})

    async def _fail(self, error: GatewayError, lane: str | None) -> None:
        """Send an error frame: OpenAI's error object with its status, and its fields as in the stream's error event."""
        body: Frame = {**error_body(error)["error"]}
        frame = {"type": "error", "status": error.status, "error": body, "sequence_number": 0}
        frame |= {name: body[name] for name in ("code", "message", "param")}
        await Frames(self._text, lane).write(frame)


def _frame(raw: bytes) -> tuple[Frame, Sequence[Note]]:
    """Return a `response.create` or `response.steer` frame; raises InvalidRequestError for any other."""
    frame, notes = parse_json(raw)
    if frame.get("type") == "response.steer":
        return frame, notes
    if frame.get("type") != "response.create":
        raise InvalidRequestError(
            "Invalid value for 'type': expected 'response.create' or 'response.steer'.",
            param="type",
            code="invalid_value",
        )
    if frame.get("background"):
        raise InvalidRequestError(
            "Background responses are not supported over WebSocket. Use HTTP.",
            param="background",
            code="unsupported_parameter",
        )
    lane = frame.get("stream_id")
    if lane is not None and not (isinstance(lane, str) and 1 <= len(lane) <= 256):
        raise InvalidRequestError(
            "Invalid value for 'stream_id': expected a string of 1 to 256 characters.",
            param="stream_id",
            code="invalid_value",
        )
    return frame, notes
