"""The contract with the private layer of google-genai, and the client's errors for an invalid upstream."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from aiohttp import web

from api.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
    UpstreamError,
    UpstreamOverloadedError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines, UpstreamStream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}
SHORT = Deadlines(connect=0.5, first_byte=0.3, idle=0.3, total=2.0)


class FakeGemini:
    """An HTTP server with a handler of the test for the next response; stores the received requests."""

    def __init__(self) -> None:
        self.handler: Handler = self.plain
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.gone = asyncio.Event()
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.base_url = ""

    async def plain(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(ANSWER)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Record the request, then respond with the current handler; record a client disconnect."""
        self.requests.append(
            (request.path_qs, dict(request.headers), await request.json() if request.can_read_body else None)
        )
        try:
            return await self.handler(request)
        except asyncio.CancelledError:
            self.gone.set()
            raise

    async def on_demand(self, request: web.Request) -> web.StreamResponse:
        """Respond with a stream without an end; the test puts chunks into `chunks`."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(await self.chunks.get())

    async def events(self, request: web.Request, *chunks: bytes, then_hang: bool = False) -> web.StreamResponse:
        """Respond with a stream of prepared chunks."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if then_hang:
            await asyncio.Event().wait()
        return response


@pytest.fixture
async def gemini() -> AsyncIterator[FakeGemini]:
    """A fake Gemini on a free port."""
    fake = FakeGemini()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.serve)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest.fixture(params=["direct", "aiohttp"], autouse=True)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test over both transports; a proxy variable selects aiohttp's."""
    if request.param == "aiohttp":
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
async def client(gemini: FakeGemini) -> AsyncIterator[GeminiClient]:
    made = GeminiClient(Upstream(api_key="k-test", base_url=gemini.base_url), SHORT)
    yield made
    await made.aclose()


async def read_to_the_end(stream: UpstreamStream) -> None:
    """Read until the stream has ended or fails."""
    while await stream.read(1.0) != []:
        pass


def sse(*texts: str) -> list[bytes]:
    return [
        b"data: " + json.dumps({"candidates": [{"content": {"parts": [{"text": text}]}}]}).encode() + b"\r\n\r\n"
        for text in texts
    ]


async def test_a_plain_response_and_the_sent_request(gemini: FakeGemini, client: GeminiClient) -> None:
    assert await client.generate("gemini-x", lambda: b'{"contents":[]}') == ANSWER
    path, headers, body = gemini.requests[0]
    assert path == "/v1beta/models/gemini-x:generateContent"
    assert headers["x-goog-api-key"] == "k-test"
    assert headers["Content-Type"] == "application/json"
    assert "key=" not in path
    assert body == {"contents": []}


async def test_a_connection_serves_requests_one_after_another(gemini: FakeGemini, client: GeminiClient) -> None:
    peers = set()

    async def plain(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.json_response(ANSWER)

    gemini.handler = plain
    for _ in range(3):
        await client.generate("gemini-x", lambda: b"{}")
    assert len(peers) == 1


async def test_headers_of_one_request_never_reach_the_next(gemini: FakeGemini, client: GeminiClient) -> None:
    for _ in range(2):
        await client.generate("gemini-x", lambda: b"{}")
    assert gemini.requests[0][1] == gemini.requests[1][1]


async def test_a_stream_returns_chunks_and_then_the_end(gemini: FakeGemini, client: GeminiClient) -> None:
    gemini.handler = lambda request: gemini.events(request, *sse("a", "b"))
    stream = await client.stream("gemini-x", lambda: b"{}")
    texts = []
    while chunks := await stream.read(1.0):
        texts += [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks]
    stream.close()
    assert texts == ["a", "b"]
    assert gemini.requests[0][0] == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"


async def test_closing_a_stream_reaches_gemini_at_once(gemini: FakeGemini, client: GeminiClient) -> None:
    gemini.handler = lambda request: gemini.events(request, *sse("a"), then_hang=True)
    stream = await client.stream("gemini-x", lambda: b"{}")
    assert await stream.read(1.0)
    stream.close()
    async with asyncio.timeout(1.0):
        await gemini.gone.wait()


async def test_cancelling_a_plain_call_reaches_gemini_at_once(gemini: FakeGemini, client: GeminiClient) -> None:
    arrived = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    gemini.handler = hang
    call = asyncio.ensure_future(client.generate("gemini-x", lambda: b"{}"))
    await arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(1.0):
        await gemini.gone.wait()


async def test_the_first_byte_timeout_ends_a_silent_call(gemini: FakeGemini, client: GeminiClient) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    gemini.handler = hang
    with pytest.raises(UpstreamTimeoutError):
        await client.generate("gemini-x", lambda: b"{}")
    with pytest.raises(UpstreamTimeoutError):
        await client.stream("gemini-x", lambda: b"{}")


async def test_the_idle_timeout_ends_a_silent_stream(gemini: FakeGemini, client: GeminiClient) -> None:
    gemini.handler = lambda request: gemini.events(request, *sse("a"), then_hang=True)
    stream = await client.stream("gemini-x", lambda: b"{}")
    assert await stream.read(1.0)
    assert await stream.read(0.01) is None
    with pytest.raises(UpstreamTimeoutError, match="sent nothing"):
        await stream.read(5.0)
    stream.close()


async def test_each_chunk_renews_the_idle_timeout(gemini: FakeGemini, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's clock is advanced between the chunks, each time by less than the idle timeout, in total by more."""
    gemini.handler = gemini.on_demand
    ahead = 0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: monotonic() + ahead)
    deadlines = Deadlines(connect=10, first_byte=10, idle=10, total=100)
    made = GeminiClient(Upstream(api_key="k", base_url=gemini.base_url), deadlines)
    gemini.chunks.put_nowait(sse("x")[0])
    stream = await made.stream("gemini-x", lambda: b"{}")
    assert await stream.read(10)
    for _ in range(3):
        ahead += 7
        gemini.chunks.put_nowait(sse("x")[0])
        assert await stream.read(10)
    ahead += 11
    with pytest.raises(UpstreamTimeoutError, match="sent nothing"):
        await stream.read(10)
    stream.close()
    await made.aclose()


async def test_the_total_deadline_bounds_the_first_byte_too(gemini: FakeGemini) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    gemini.handler = hang
    made = GeminiClient(
        Upstream(api_key="k", base_url=gemini.base_url), Deadlines(connect=30, first_byte=30, idle=30, total=0.3)
    )
    for ask in (made.generate, made.stream):
        async with asyncio.timeout(10):
            with pytest.raises(UpstreamTimeoutError):
                await ask("gemini-x", lambda: b"{}")
    await made.aclose()


async def test_a_slow_stream_ends_at_the_total_deadline(gemini: FakeGemini, monkeypatch: pytest.MonkeyPatch) -> None:
    gemini.handler = gemini.on_demand
    ahead = 0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: monotonic() + ahead)
    deadlines = Deadlines(connect=10, first_byte=10, idle=10, total=20)
    made = GeminiClient(Upstream(api_key="k", base_url=gemini.base_url), deadlines)
    gemini.chunks.put_nowait(sse("x")[0])
    stream = await made.stream("gemini-x", lambda: b"{}")
    assert await stream.read(10)
    ahead = 7
    gemini.chunks.put_nowait(sse("x")[0])
    assert await stream.read(10)
    ahead = 14
    gemini.chunks.put_nowait(sse("x")[0])
    assert await stream.read(10)
    ahead = 21
    gemini.chunks.put_nowait(sse("x")[0])
    with pytest.raises(UpstreamTimeoutError, match="finish"):
        await stream.read(10)
    stream.close()
    await made.aclose()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}, RateLimitError),
        (400, {"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}, InvalidRequestError),
        (503, {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, UpstreamOverloadedError),
        (500, "<html>broken</html>", UpstreamError),
        (200, "<html>fine</html>", UpstreamError),
        (200, "", UpstreamError),
        (200, "[]", UpstreamError),
        (200, {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}, RateLimitError),
    ],
)
async def test_upstream_errors_and_invalid_bodies_are_mapped(
    gemini: FakeGemini, client: GeminiClient, status: int, body: Any, expected: type[Exception]
) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, content_type="application/json")

    gemini.handler = refuse
    with pytest.raises(expected) as caught:
        await client.generate("gemini-x", lambda: b"{}")
    assert "html" not in str(caught.value)


async def test_a_plain_response_beyond_the_limit_is_an_error(gemini: FakeGemini, client: GeminiClient) -> None:
    assert await client.generate("gemini-x", lambda: b"{}") == ANSWER
    client.deadlines = replace(client.deadlines, answer_bytes=len(json.dumps(ANSWER)) - 1)
    with pytest.raises(UpstreamError, match="larger"):
        await client.generate("gemini-x", lambda: b"{}")


async def test_an_error_inside_a_stream_is_raised(gemini: FakeGemini, client: GeminiClient) -> None:
    fault = json.dumps({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}).encode()
    gemini.handler = lambda request: gemini.events(request, *sse("a"), b"data: " + fault + b"\r\n\r\n")
    stream = await client.stream("gemini-x", lambda: b"{}")
    with pytest.raises(UpstreamOverloadedError):
        await read_to_the_end(stream)
    stream.close()


async def test_a_refused_connection_is_an_unreachable_upstream() -> None:
    made = GeminiClient(Upstream(api_key="k", base_url="http://127.0.0.1:9"), SHORT)
    with pytest.raises(UpstreamUnreachableError):
        await made.generate("gemini-x", lambda: b"{}")
    with pytest.raises(UpstreamUnreachableError):
        await made.list_models()
    await made.aclose()


async def test_the_list_of_models_is_requested_with_the_key(gemini: FakeGemini, client: GeminiClient) -> None:
    await client.list_models()

    path, headers, body = gemini.requests[0]
    assert (path, headers["x-goog-api-key"], body) == ("/v1beta/models?pageSize=1", "k-test", None)


async def test_the_list_of_models_detects_a_wrong_key(gemini: FakeGemini, client: GeminiClient) -> None:
    gemini.handler = refuse_key
    with pytest.raises(UpstreamError) as caught:
        await client.list_models()
    assert caught.value.code == "upstream_authentication_failed"


async def refuse_key(request: web.Request) -> web.StreamResponse:
    """Respond like Gemini to an unknown key."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    error = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}
    return web.json_response({"error": error}, status=400)


@pytest.mark.parametrize("name", ["a/../b", "a?b", "a b", "", "a#b", "a\n"])
async def test_names_that_would_change_the_path_are_rejected(client: GeminiClient, name: str) -> None:
    with pytest.raises(ModelNotFoundError):
        await client.generate(name, lambda: b"{}")
