"""A fake Gemini (and OpenAI) upstream of minimal cost: prepared bytes, one timer per stream, hardly any parsing.

Run: `python -m benchmarks.upstream PORT`. `POST /plan` (the fields of `Plan`) sets the responses; `POST /cut` closes
all open streams. Each streamed chunk contains its send time (CLOCK_MONOTONIC in ns, 19 digits after "@"), comparable
with the clock of every process of the machine.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, cast

STAMP = "@0000000000000000000"
USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 34, "totalTokenCount": 46}
WORDS = "The quick brown fox jumps over the lazy dog. "


@dataclass(slots=True, kw_only=True)
class Plan:
    """The responses of the upstream from now on. A chunk's text has `words` bytes beside its timestamp."""

    chunks: int = 30
    first_chunk_ms: float = 100.0
    gap_ms: float = 100.0
    words: int = 24


def _gemini(text: str, **last: object) -> dict[str, Any]:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, **last, "index": 0}
    return {
        "candidates": [candidate],
        "usageMetadata": USAGE,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "b3nchmark",
    }


def _openai(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1,
        "model": "gemini-2.5-flash",
        "choices": [{"index": 0, **choice}],
    }


def _plain(body: dict[str, Any]) -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: {len(text)}\r\n\r\n"
    return head.encode() + text


def _event(body: dict[str, Any], newline: bytes) -> tuple[bytes, bytes]:
    """Return an SSE event in an HTTP chunk, split at the digits of its timestamp."""
    event = b"data: " + json.dumps(body).encode() + newline * 2
    framed = b"%x\r\n%b\r\n" % (len(event), event)
    before, _, after = framed.partition(STAMP.encode())
    return before + b"@", after


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
HTTP_END = b"0\r\n\r\n"
OPENAI_END = b"e\r\ndata: [DONE]\n\n\r\n" + HTTP_END
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Script:
    """The prepared bytes of one API."""

    def __init__(self, *, answer: bytes, chunk: tuple[bytes, bytes], last: tuple[bytes, bytes], end: bytes) -> None:
        self.answer, self.chunk, self.last, self.end = answer, chunk, last, end


def scripts(plan: Plan) -> tuple[Script, Script]:
    """Return Gemini's and OpenAI's responses under this plan."""
    words = (WORDS * (plan.words // len(WORDS) + 1))[: plan.words]
    text = f"{STAMP} {words}"
    gemini = Script(
        answer=_plain(_gemini(WORDS * 4, finishReason="STOP")),
        chunk=_event(_gemini(text), b"\r\n"),
        last=_event(_gemini(text, finishReason="STOP"), b"\r\n"),
        end=HTTP_END,
    )
    message = {"message": {"role": "assistant", "content": WORDS * 4}, "finish_reason": "stop"}
    kind = "chat.completion.chunk"
    openai = Script(
        answer=_plain(_openai("chat.completion", message)),
        chunk=_event(_openai(kind, {"delta": {"content": text}, "finish_reason": None}), b"\n"),
        last=_event(_openai(kind, {"delta": {"content": text}, "finish_reason": "stop"}), b"\n"),
        end=OPENAI_END,
    )
    return gemini, openai


class Upstream:
    """The shared state of all connections: the plan, its bytes and the open streams."""

    def __init__(self) -> None:
        self.set_plan(Plan())
        self.streams: set[Stream] = set()
        self.most_streams = 0

    def set_plan(self, plan: Plan) -> None:
        """Apply this plan to later responses; open streams keep their plan."""
        self.plan = plan
        self.gemini, self.openai = scripts(plan)

    def cut(self) -> None:
        """Close the connection of every open stream."""
        for stream in list(self.streams):
            stream.transport.abort()


class Stream:
    """One streamed response: a chunk at first_chunk_ms, then one per gap_ms by the clock, without drift."""

    __slots__ = ("due", "gap", "left", "loop", "script", "timer", "transport", "upstream")

    def __init__(self, upstream: Upstream, transport: asyncio.Transport, script: Script) -> None:
        self.upstream, self.transport, self.script = upstream, transport, script
        self.loop = asyncio.get_running_loop()
        self.left, self.gap = upstream.plan.chunks, upstream.plan.gap_ms / 1000
        self.due = self.loop.time() + upstream.plan.first_chunk_ms / 1000
        upstream.streams.add(self)
        upstream.most_streams = max(upstream.most_streams, len(upstream.streams))
        transport.write(STREAM_HEAD)
        self.timer = self.loop.call_at(self.due, self.send)

    def send(self) -> None:
        """Write the chunk that is due and set the timer for the next."""
        self.left -= 1
        before, after = self.script.chunk if self.left else self.script.last
        written = b"%b%019d%b" % (before, time.monotonic_ns(), after)
        if not self.left:
            self.upstream.streams.discard(self)
            self.transport.write(written + self.script.end)
            return
        self.transport.write(written)
        self.due += self.gap
        self.timer = self.loop.call_at(self.due, self.send)

    def close(self) -> None:
        """Cancel the stream of a disconnected client."""
        self.timer.cancel()
        self.upstream.streams.discard(self)


class Connection(asyncio.Protocol):
    """A keep-alive HTTP/1.1 connection; a request needs a Content-Length, and responses are sent in order."""

    transport: asyncio.Transport

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.received = b""
        self.stream: Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the stream of a disconnected client."""
        if self.stream is not None:
            self.stream.close()

    def data_received(self, data: bytes) -> None:
        """Respond to each complete request."""
        self.received += data
        while True:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _content_length(self.received[:end])
            if len(self.received) < end + 4 + length:
                return
            line = self.received[: self.received.find(b"\r\n")]
            body = self.received[end + 4 : end + 4 + length]
            self.received = self.received[end + 4 + length :]
            self.answer(line, body)

    def answer(self, line: bytes, body: bytes) -> None:
        """Respond by the request line, and for chat completions by `stream`."""
        upstream = self.upstream
        if b":streamGenerateContent" in line:
            self.stream = Stream(upstream, self.transport, upstream.gemini)
        elif b":generateContent" in line:
            self.transport.write(upstream.gemini.answer)
        elif b"/chat/completions" in line:
            if b'"stream":true' in body or b'"stream": true' in body:
                self.stream = Stream(upstream, self.transport, upstream.openai)
            else:
                self.transport.write(upstream.openai.answer)
        else:
            self.control(line, body)

    def control(self, line: bytes, body: bytes) -> None:
        """Respond to a request of the benchmark itself."""
        if b"/plan" in line:
            self.upstream.set_plan(Plan(**json.loads(body)))
            self.transport.write(OK)
        elif b"/cut" in line:
            self.transport.write(OK)
            self.upstream.cut()
        elif b"/state" in line:
            state = {
                "open": len(self.upstream.streams),
                "most": self.upstream.most_streams,
                **asdict(self.upstream.plan),
            }
            self.transport.write(_plain(state))
        else:
            self.transport.write(NOT_FOUND)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def serve(port: int) -> None:
    """Serve on loopback until killed."""
    upstream = Upstream()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(upstream), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    from benchmarks.loops import run

    run(serve(int(sys.argv[1])))
