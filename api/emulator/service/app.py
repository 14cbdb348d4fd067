"""The emulator as an ASGI application: routes, framing, and scripted changes of a response.

Paths are those of the Gemini API (`/v1beta/models/...`) and of Vertex AI (`/v1beta1/projects/P/locations/L/publishers/
google/models/...`). The control endpoints under `/_emulator` exist only in a scriptable application.
"""

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from api.emulator.errors import GoogleError, unregistered_caller
from api.emulator.methods import METHODS, Call, Options, Reply, find_model, list_models
from api.emulator.service.connection import ClientDisconnected, Connection, Receive, Send
from api.emulator.service.journal import Entry, Journal
from api.emulator.service.script import PLAIN, Script, Step
from api.emulator.service.wire import JSON, ArrayFraming, SseFraming, dump

MAX_BODY_BYTES = 100 * 1024 * 1024
_PATH = re.compile(
    r"/(?P<version>v1|v1alpha|v1beta|v1beta1)(?P<vertex>(?:/projects/[^/]+/locations/[^/]+)?/publishers/google)?"
    r"/models(?:/(?P<model>[^/:]+)(?::(?P<method>\w+))?)?"
)
_NOT_FOUND = (
    b"<!DOCTYPE html>\n<html lang=en>\n  <title>Error 404 (Not Found)!!1</title>\n"
    b"  <p><b>404.</b> <ins>That's an error.</ins>\n  <p>The requested URL was not found on this emulator.\n"
)


class Emulator:
    """The application. `scriptable` adds the control endpoints and the log of requests."""

    def __init__(self, *, scriptable: bool = False, options: Options | None = None) -> None:
        self.scriptable = scriptable
        self.options = options or Options()
        self.script = Script()
        self.journal = Journal()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request; WebSockets are closed, lifespan events are acknowledged."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(Connection(scope, receive, send))
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1011})

    async def _serve(self, connection: Connection) -> None:
        try:
            body = await connection.body()
            if self.scriptable and connection.path.startswith("/_emulator"):
                await self._control(connection, body)
            else:
                await self._log(connection, body)
        except ClientDisconnected:
            return
        finally:
            await connection.close()

    async def _control(self, connection: Connection, body: bytes) -> None:
        """Serve the endpoints for tests: set the script, release held responses, read the log, reset all."""
        match connection.method, connection.path.removeprefix("/_emulator").rstrip("/"):
            case "POST", "/script":
                try:
                    self.script.extend(orjson.loads(body))
                except (ValueError, TypeError) as error:
                    await _reply(connection, 400, {"error": str(error)})
                    return
                await _reply(connection, 200, {"waiting": len(self.script.steps)})
            case "POST", "/release":
                self.script.release()
                await _reply(connection, 200, {})
            case "GET", "/requests":
                await _reply(connection, 200, self.journal.listed(bodies=connection.query.get("bodies") != "0"))
            case "DELETE", "":
                self.script.clear()
                self.journal.entries.clear()
                await _reply(connection, 200, {})
            case _:
                await _reply(connection, 404, {"error": "No such control endpoint."})

    async def _log(self, connection: Connection, body: bytes) -> None:
        """Serve an API request and update its entry of the log."""
        entry = Entry(
            method=connection.method,
            path=connection.path,
            query=connection.query_string,
            headers=connection.headers,
            body=_loggable(body) if self.scriptable else None,
            at=connection.started_at,
        )
        if self.scriptable:
            self.journal.entries.append(entry)
        try:
            await self._respond(connection, body, entry)
        except ClientDisconnected:
            entry.cancelled = not connection.sent
        finally:
            entry.ended = time.monotonic()

    async def _respond(self, connection: Connection, body: bytes, entry: Entry) -> None:
        path = _PATH.fullmatch(connection.path)
        if path is None:
            entry.status = 404
            await connection.start(404, [(b"content-type", b"text/html; charset=UTF-8")])
            await connection.write(_NOT_FOUND, more=False)
            return
        model, method = path["model"] or "", path["method"] or ("get" if path["model"] else "list")
        step = self.script.take(model, method, body.decode(errors="replace")) if self.scriptable else PLAIN
        if step.hang:
            await connection.wait_for_disconnect()
        if step.hold:
            await connection.wait_for(step.released)
        await connection.wait(step.delay)
        try:
            reply = _scripted(step) if step.has_response else self._call(connection, path, body)
            status = step.status
        except GoogleError as error:
            reply, status = Reply(body=error.envelope()), error.code
        entry.status = status
        await _send(connection, reply, step, entry, status)

    def _call(self, connection: Connection, path: re.Match[str], body: bytes) -> Reply:
        """Return the response by Google's rules; raises GoogleError."""
        headers, query = connection.headers, connection.query
        if not (headers.get("x-goog-api-key") or query.get("key") or headers.get("authorization")):
            raise unregistered_caller()
        name, method = path["model"] or "", path["method"] or ""
        if not name and connection.method == "GET":
            return list_models(query, self.options)
        if (connection.method == "GET") == bool(method) or (method and method not in METHODS) or not name:
            raise GoogleError("Method not found.", status="NOT_FOUND")
        if len(body) > MAX_BODY_BYTES:
            raise GoogleError(f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes.")
        model = find_model(name, method or "get", options=self.options, version=path["version"])
        if not method:
            return Reply(body=model.resource())
        call = Call(method=method, model=model, body=body, vertex=bool(path["vertex"]), options=self.options)
        return METHODS[method](call)


async def _send(connection: Connection, reply: Reply, step: Step, entry: Entry, status: int) -> None:
    """Send a response with the changes of the step."""
    framing: SseFraming | ArrayFraming = SseFraming() if connection.query.get("alt") == "sse" else ArrayFraming()
    streamed = reply.chunks is not None or (step.raw is not None and step.status == 200)
    headers = {"content-type": (framing.content_type if streamed else JSON).decode(), "server": "gemini-emulator"}
    headers |= {name.lower(): value for name, value in step.headers.items()}
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    if reply.chunks is not None:
        await connection.start(status, pairs)
        await _pause(connection, step)
        await _stream(connection, _modified(reply.chunks, step, framing), step, entry, framing.end)
        return
    body = reply.body if isinstance(reply.body, bytes) else dump(reply.body)
    await connection.start(status, [*pairs, (b"content-length", str(len(body)).encode())])
    await _pause(connection, step)
    if step.cut_after is not None:
        await connection.write(body[: len(body) // 2], more=True)
        await connection.abort()
    else:
        await connection.write(body, more=False)


async def _pause(connection: Connection, step: Step) -> None:
    """Send the head alone: servers buffer it until the first chunk of the body."""
    if step.body_delay:
        await connection.write(b"", more=True)
        await connection.wait(step.body_delay)


def _modified(chunks: Iterable[Any], step: Step, framing: SseFraming | ArrayFraming) -> Iterator[bytes]:
    """Yield the framed chunks, without finish reasons or with an error inserted if the step requires it."""
    limit = step.error_after if step.error_after is not None else None if step.chunks is not None else 1
    for number, chunk in enumerate(chunks):
        if step.error_in_stream is not None and number == limit:
            break
        yield framing.chunk(_unfinished(chunk) if step.no_finish else chunk)
    if step.error_in_stream is not None:
        yield dump(step.error_in_stream) if step.bare_error else framing.chunk(step.error_in_stream)


def _unfinished(chunk: Any) -> Any:
    if not isinstance(chunk, dict):
        return chunk
    candidates = [{k: v for k, v in entry.items() if k != "finishReason"} for entry in chunk.get("candidates", [])]
    return chunk | {"candidates": candidates}


async def _stream(connection: Connection, chunks: Iterator[bytes], step: Step, entry: Entry, end: bytes) -> None:
    """Write framed chunks one by one, with the step's delays, holds and aborts."""
    for number, chunk in enumerate(chunks):
        if number == step.cut_after:
            await connection.abort()
            return
        if number == step.hold_after:
            await connection.write(b"", more=True)  # a head is sent with the first chunk of its body
            await connection.wait_for(step.released)
        if number == step.hang_after:
            await connection.wait_for_disconnect()
        if number:
            await connection.wait(step.gap)
        await connection.write(chunk, more=True)
        entry.chunks_sent += 1
    # Lets a client disconnect arrive before the response counts as finished.
    await connection.wait(0)
    if step.cut_after is not None:
        await connection.abort()
        return
    if step.hang_after is not None:
        await connection.wait_for_disconnect()
    await connection.write(end, more=False)


def _scripted(step: Step) -> Reply:
    if step.chunks is not None:
        return Reply(chunks=step.chunks)
    return Reply(body=step.raw.encode("utf-8", "surrogatepass") if step.raw is not None else step.body)


def _loggable(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")


async def _reply(connection: Connection, status: int, value: Any) -> None:
    await connection.start(status, [(b"content-type", b"application/json")])
    await connection.write(orjson.dumps(value), more=False)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


application = Emulator()
