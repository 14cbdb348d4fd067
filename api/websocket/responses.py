"""The WebSocket on `/v1/responses`: `response.create` frames in, the events of a stream out as frames.

Frames of one `stream_id` (most clients send none) are served in order, frames of different ids concurrently.
A connection remembers its own responses, also with `store: false`, so that a client needs to send only new input.
`generate: false` stores the input without an upstream call. `response.steer` injects input into a running response. A
disconnect cancels the running responses.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from api.access_log import log_request
from api.auth.admission import Credentials
from api.auth.authentication import authenticate, require_scope
from api.auth.revocation import running_work
from api.errors import (
    GatewayError,
    InvalidRequestError,
    KeyRevokedError,
    RateLimitError,
    ShuttingDownError,
)
from api.exchange.planning.plan import RequestOrigin, open_exchange
from api.exchange.recording.record import Recorded
from api.exchange.responses.auto_compaction import plan_managed
from api.exchange.responses.continuation import LocalResponse
from api.exchange.responses.plan import PlannedResponse
from api.exchange.responses.run import store_input, stream_response
from api.failures import to_gateway_error
from api.http.deployments import default_model
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
from sessions_store.writing.store import StoreError

if TYPE_CHECKING:
    from api.services import Services
    from sessions_store.accounts.access import Caller
    from sessions_store.catalogue.resolution import Catalogue

MAX_STREAMS: Final = 16
MAX_WAITING: Final = 16  # frames of one `stream_id`
MAX_LOCAL_RESPONSES: Final = 256  # responses of one connection
OWN_NAMES: Final = frozenset({"type", "stream_id", "generate", "stream", "background"})
# Before the handshake: 4000 + the HTTP status. `serve` sends this status, plain uvicorn 403.
REJECTED: Final = 4403
TOO_MANY: Final = 4429
# After the handshake: 4000 + the HTTP status.
REVOKED: Final = 4401
TOO_LARGE: Final = 1009
RESTARTING: Final = 1012  # https://www.iana.org/assignments/websocket: service restart

Scope = dict[str, Any]
Frame = dict[str, Any]
# A frame, the changes made while it was read, and the hold of its bytes.
Arrived = tuple[Frame, Sequence[Note], Hold]
FrameQueue = asyncio.Queue[Arrived]


class ResponsesConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One WebSocket connection. It belongs to no group, so it needs no channel layer."""

    channel_layer_alias = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._services: Services  # set by __call__
        self._credentials: Credentials  # set by connect
        self._key_id: int | None = None
        self._counted: CallerKey | None = None
        self._peer = ""
        self.cut = False  # see api.resources.interruption.Served
        self._queues: dict[str | None, FrameQueue] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._local: dict[str, LocalResponse] = {}
        self._steering = Steering(self._local.__contains__)
        self._closing: asyncio.Task[None] | None = None
        self._refusal: GatewayError | None = None

    async def __call__(self, scope: Scope, *channel: Any) -> None:
        """Serve the connection until it ends."""
        self._services = scope["services"]
        try:
            await super().__call__(scope, *channel)
        finally:
            await self._cancel_streams()
            if self._key_id is not None:
                running_work(self._services).leave(self._key_id, self)
            if self._counted is not None:
                self._services.shared(OpenSockets).leave(self._counted)

    async def connect(self) -> None:
        """Admit the caller like every route does, up to MAX_SOCKETS_PER_CALLER connections; else close."""
        credentials = Credentials.of_handshake(self.scope)
        self._peer = credentials.client_address
        try:
            self._credentials = credentials
            caller, _ = await self._authenticated()
        except GatewayError as error:
            self._log(error)
            await self.close(code=REJECTED)
            return
        except StoreError as error:
            await self.close(code=4000 + to_gateway_error(error).status)
            return
        key = (caller.key, caller.owner_id, "" if caller.key else credentials.peer)
        if not self._services.shared(OpenSockets).enter(key, settings.MAX_SOCKETS_PER_CALLER):
            self._log(RateLimitError("Too many WebSockets are open."))
            await self.close(code=TOO_MANY)
            return
        self._counted = key
        served.set(self)
        await self.accept("realtime" if "realtime" in self.scope.get("subprotocols", ()) else None)
        self._services.end_on_drain(self)
        if caller.key_id is not None:
            self._key_id = caller.key_id
            running_work(self._services).enter(caller.key_id, self)

    async def _authenticated(self) -> "tuple[Caller, Catalogue]":
        """Return the caller and the catalogue for the handshake or a frame: a change of the key or of the catalogue
        applies from the next frame on. Raises the errors of `authenticate` and `require_scope`.
        """
        caller, catalogue = await authenticate(self._services, self._credentials)
        require_scope(caller.policy, "responses", write=True)
        return caller, catalogue

    def drain(self) -> None:
        """See Connection: frames received so far are served, then the connection is closed."""
        self._close_later(ShuttingDownError("The server is shutting down. Please try again."), RESTARTING)

    def cut_off(self, error: KeyRevokedError) -> None:
        """See Work: the running responses end by their own exchanges, then the connection is closed."""
        self._close_later(error, REVOKED)

    def _close_later(self, refusal: GatewayError, code: int) -> None:
        """Refuse new frames, and close the connection when the frames received so far are served."""
        if self._closing is None:
            self._refusal = refusal
            self._closing = asyncio.ensure_future(self._close_when_idle(code))

    async def _close_when_idle(self, code: int) -> None:
        await asyncio.gather(*(queue.join() for queue in self._queues.values()))
        if code == REVOKED and self._refusal is not None:
            await self._fail(self._refusal, None)
        await self.close(code=code)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Queue a frame for its `stream_id`; send an error frame if the frame is not valid."""
        raw = text_data.encode("utf-8", "surrogatepass") if text_data is not None else bytes_data or b""
        stream_id: str | None = None
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
            stream_id = frame.get("stream_id")
            if self._refusal is not None:
                raise self._refusal
            self._queue_of(stream_id).put_nowait((frame, notes, hold))
            hold.share()
        except asyncio.QueueFull:
            error: GatewayError = RateLimitError("Too many frames are waiting on this connection.", retry_after=1)
            self._log(error)
            await self._fail(error, stream_id)
        except GatewayError as failure:
            self._log(failure)
            await self._fail(failure, stream_id)
        finally:
            hold.release()

    async def disconnect(self, code: int) -> None:
        """Cancel the running responses: no client is left to receive them."""
        self.cut = code == RESTARTING
        if self._closing is not None:
            self._closing.cancel()
        await self._cancel_streams()

    async def _cancel_streams(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for queue in self._queues.values():
            while not queue.empty():
                queue.get_nowait()[-1].release()

    def _queue_of(self, stream_id: str | None) -> FrameQueue:
        """Return the queue of a `stream_id`. Raises RateLimitError beyond MAX_STREAMS."""
        queue = self._queues.get(stream_id)
        if queue is None:
            if len(self._queues) == MAX_STREAMS:
                raise RateLimitError(
                    f"Too many values of 'stream_id': expected at most {MAX_STREAMS} on one connection.",
                    retryable=False,
                )
            queue = self._queues[stream_id] = asyncio.Queue(MAX_WAITING)
            self._tasks.append(asyncio.create_task(self._serve(stream_id, queue)))
        return queue

    async def _serve(self, stream_id: str | None, queue: FrameQueue) -> None:
        while True:
            arrived = await queue.get()
            try:
                await self._serve_frame(arrived, stream_id)
            except Exception as error:  # noqa: BLE001 - the frame's edge: every failure becomes an error frame
                await self._fail(to_gateway_error(error), stream_id)
            finally:
                arrived[-1].release()
                del arrived  # else an idle queue would keep a large frame
                queue.task_done()

    async def _serve_frame(self, arrived: Arrived, stream_id: str | None) -> None:
        """Serve one frame: send its events."""
        frame, notes, hold = arrived
        with await self._admitted(hold) as origin:
            body = {name: value for name, value in frame.items() if name not in OWN_NAMES}
            model = origin.caller.policy.default_model
            if model and body.get("model") is None:
                body["model"] = model
                notes = (*notes, default_model(model))
            with self._rejection_logged():
                request = ResponsesRequest.parse({**body, "stream": True}, notes=notes)
                warm_up = frame.get("generate") is False or request.prewarms
                if not warm_up or request.input:  # without input it may set tools and instructions only
                    check_response(request)
            request, joined = self._steering.joined(request)
            try:
                steer_inputs, planned = await self._respond(request, origin, stream_id, warm_up=warm_up)
            except (GatewayError, StoreError) as error:
                await self._reject(joined, stream_id, error)
                raise
        while steer_inputs:
            try:
                with await self._admitted(hold) as origin:
                    following = successor(planned, steer_inputs)
                    steer_inputs, planned = await self._respond(following, origin, stream_id)
            except (GatewayError, StoreError) as error:
                await self._reject(steer_inputs, stream_id, error)
                return

    async def _admitted(self, hold: Hold) -> AbstractContextManager[RequestOrigin]:
        """Authenticate and admit one request of the connection, and return its origin; the block closes an admission
        that no exchange owns.

        Raises the errors of `authenticate`, and RequestLimitError.
        """
        with self._rejection_logged():
            caller, catalogue = await self._authenticated()
            admission = await self._services.limiter.enter(caller, catalogue.access.limits)
        origin = RequestOrigin(
            *(new_request_id(), caller, catalogue, "", settings.MEMORY_ENABLED),
            hold=hold,
            admission=admission,
            peer=self._peer,
        )
        return _closing(origin)

    async def _reject(self, steer_inputs: list[SteerInput], stream_id: str | None, error: Exception) -> None:
        if not steer_inputs:
            return
        message = f"The next response could not be created: {to_gateway_error(error).message}"
        await self._steering.reject(steer_inputs, Frames(self._text, stream_id), "successor_creation_failed", message)

    async def _respond(
        self, request: ResponsesRequest, origin: RequestOrigin, stream_id: str | None, *, warm_up: bool = False
    ) -> tuple[list[SteerInput], PlannedResponse]:
        """Run one request of a `stream_id`; return the steer inputs for its successor, and the plan of the response."""
        frames = Frames(self._text, stream_id)
        steer_inputs: list[SteerInput] = []
        async with open_exchange(self._services, request, origin, "responses", stream=True) as exchange:
            planned = await plan_managed(exchange, request, local=self._local)
            if warm_up:
                await self._warm_up(planned, frames)
            else:
                steer_inputs = await self._stream(planned, frames)
        if exchange.committed is not None and exchange.committed.ok and origin.caller.policy.content == "full":
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

    async def _fail(self, error: GatewayError, stream_id: str | None) -> None:
        """Send an error frame: OpenAI's error object with its status, and its fields as in the stream's error event."""
        body: Frame = {**error_body(error)["error"]}
        frame = {"type": "error", "status": error.status, "error": body, "sequence_number": 0}
        frame |= {name: body[name] for name in ("code", "message", "param")}
        await Frames(self._text, stream_id).write(frame)


@contextmanager
def _closing(origin: RequestOrigin) -> Iterator[RequestOrigin]:
    with nullcontext() if origin.admission is None else origin.admission:
        yield origin


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
    stream_id = frame.get("stream_id")
    if stream_id is not None and not (isinstance(stream_id, str) and 1 <= len(stream_id) <= 256):
        raise InvalidRequestError(
            "Invalid value for 'stream_id': expected a string of 1 to 256 characters.",
            param="stream_id",
            code="invalid_value",
        )
    return frame, notes
