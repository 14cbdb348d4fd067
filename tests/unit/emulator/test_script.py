"""The script and the log, with which tests script failures of Gemini and read the requests that Gemini received."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from tests.emulator_control import Emulator
from tests.unit.emulator.conftest import NEW, Gemini, candidate_text, contents
from tests.waiting import eventually

BODY = {"contents": contents("Tell me a story")}
QUOTA = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}],
    }
}
CHUNK = {"candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "index": 0}]}
STREAM = f"/v1beta/models/{NEW}:streamGenerateContent?alt=sse"


def test_steps_apply_to_the_next_requests_in_order(emulator: Emulator, gemini: Gemini) -> None:
    emulator.script({"status": 429, "body": QUOTA, "headers": {"Retry-After": "7"}}, {"body": {"candidates": []}})
    first, second, third = (gemini.post(NEW, BODY) for _ in range(3))
    assert (first.status_code, first.json(), first.headers["retry-after"]) == (429, QUOTA, "7")
    assert second.json() == {"candidates": []}
    assert candidate_text(third.json())


def test_a_step_waits_for_the_request_it_matches(emulator: Emulator, gemini: Gemini) -> None:
    emulator.script({"status": 503, "body": {}, "match": {"model": "gemini-4", "contains": "fox"}})
    assert gemini.post(NEW, {"contents": contents("fox")}).status_code == 200
    assert gemini.post("gemini-4-argon", BODY).status_code == 200
    assert gemini.post("gemini-4-argon", {"contents": contents("a fox")}).status_code == 503
    assert gemini.post("gemini-4-argon", {"contents": contents("a fox")}).status_code == 200


def test_a_scripted_body_may_be_any_text(emulator: Emulator, gemini: Gemini) -> None:
    emulator.script(
        {"raw": '{"candidates": ['}, {"status": 502, "raw": "<html>", "headers": {"content-type": "text/html"}}
    )
    assert gemini.post(NEW, BODY).text == '{"candidates": ['
    bad = gemini.post(NEW, {"not": "validated"})
    assert (bad.status_code, bad.text, bad.headers["content-type"]) == (502, "<html>", "text/html")


def test_a_scripted_stream_is_sent(emulator: Emulator, gemini: Gemini) -> None:
    emulator.script({"chunks": [CHUNK, CHUNK]})
    assert gemini.http.post(STREAM, json=BODY).text == f"data: {json.dumps(CHUNK, separators=(',', ':'))}\r\n\r\n" * 2


@pytest.mark.parametrize("bare", [False, True])
def test_a_scripted_error_is_sent_inside_a_stream(emulator: Emulator, gemini: Gemini, bare: bool) -> None:
    emulator.script({"error_in_stream": QUOTA, "bare_error": bare, "error_after": 2})
    response = gemini.http.post(STREAM, json=BODY)
    *events, last = response.text.removesuffix("\r\n\r\n").split("\r\n\r\n")
    assert response.status_code == 200
    assert len(events) == 2
    assert last.startswith("data: ") != bare
    assert json.loads(last.removeprefix("data: ")) == QUOTA


def test_a_scripted_stream_has_no_finish_reason(emulator: Emulator, gemini: Gemini) -> None:
    emulator.script({"no_finish": True})
    assert not any("finishReason" in chunk["candidates"][0] for chunk in gemini.stream("Tell me a story"))


def test_delays_and_gaps_delay_a_response(emulator: Emulator, gemini: Gemini) -> None:
    emulator.script({"delay": 0.1, "body_delay": 1.0, "gap": 0.05, "chunks": [CHUNK] * 3})
    started = time.monotonic()
    with gemini.http.stream("POST", STREAM, json=BODY) as response:
        head = time.monotonic() - started
        first, *_ = list(response.iter_lines())
    assert 0.1 <= head < 1.1
    assert time.monotonic() - started >= 1.2
    assert first.startswith("data: ")


@pytest.mark.parametrize(("step", "sent"), [({"hold": True}, 0), ({"hold_after": 0}, 0), ({"hold_after": 2}, 2)])
def test_a_held_response_continues_after_the_release(
    emulator: Emulator, gemini: Gemini, step: dict[str, Any], sent: int
) -> None:
    emulator.script({**step, "chunks": [CHUNK] * 3})
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(gemini.http.post, STREAM, json=BODY)
        entry = eventually(lambda: [entry for entry in emulator.received() if entry["chunks_sent"] == sent])[0]
        assert entry["ended"] is None
        assert not asked.done()
        emulator.release()
        assert asked.result(timeout=10).text.count("data: ") == 3


async def lines_until_cut(url: str, body: Any) -> tuple[list[bytes], str]:
    """Return the bytes that an aiohttp client reads of a stream, and the error at the end."""
    lines = []
    async with aiohttp.ClientSession(headers={"x-goog-api-key": "k"}) as session:
        try:
            async with session.post(url, json=body) as response:
                async for line in response.content:
                    lines.append(line)
        except aiohttp.ClientError as error:
            return lines, type(error).__name__
    return lines, ""


def test_a_client_sees_an_aborted_connection(emulator: Emulator) -> None:
    plain = f"{emulator.base_url}/v1beta/models/{NEW}:generateContent"
    emulator.script({"cut_after": 2}, {"cut_after": 1, "chunks": [CHUNK]}, {"cut_after": 0}, {"cut_after": 1})
    lines, error = asyncio.run(lines_until_cut(emulator.base_url + STREAM, BODY))
    assert (len([line for line in lines if line.startswith(b"data:")]), error) == (2, "ClientPayloadError")
    lines, error = asyncio.run(lines_until_cut(emulator.base_url + STREAM, BODY))
    assert (len(lines), error) == (2, "ClientPayloadError")
    assert asyncio.run(lines_until_cut(emulator.base_url + STREAM, BODY)) == ([], "ServerDisconnectedError")
    lines, error = asyncio.run(lines_until_cut(plain, BODY))
    assert lines
    assert error == "ClientPayloadError"


@pytest.mark.parametrize(
    ("step", "sent"),
    [
        ({"hang": True}, 0),
        ({"hang_after": 2}, 2),
        ({"hold": True}, 0),
        ({"hold_after": 1}, 1),
        ({"gap": 60}, 1),
        ({"body_delay": 60}, 0),
    ],
)
def test_the_log_shows_a_client_disconnect(emulator: Emulator, step: dict[str, Any], sent: int) -> None:
    def last() -> dict[str, Any]:
        return emulator.received()[-1]

    async def read() -> None:
        async with (
            aiohttp.ClientSession(headers={"x-goog-api-key": "k"}) as session,
            session.post(emulator.base_url + STREAM, json=BODY) as response,
        ):
            await response.read()

    async def leave_early() -> None:
        reading = asyncio.create_task(read())
        await asyncio.to_thread(
            eventually, lambda: [entry for entry in emulator.received() if entry["chunks_sent"] == sent]
        )
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading

    emulator.script(step)
    asyncio.run(leave_early())
    entry = eventually(lambda: last() if last()["ended"] else None)
    assert entry["cancelled"] is True
    assert entry["chunks_sent"] == sent


def test_the_log_has_the_received_requests(emulator: Emulator, gemini: Gemini) -> None:
    gemini.post(NEW, BODY, headers={"X-Test": "yes"})
    gemini.post(NEW, b"{oops")
    gemini.http.get("/v1beta/models?pageSize=1")
    asked, broken, listing = emulator.received()
    assert (asked["method"], asked["path"], asked["body"]) == ("POST", f"/v1beta/models/{NEW}:generateContent", BODY)
    assert (asked["headers"]["x-test"], asked["headers"]["x-goog-api-key"]) == ("yes", "test")
    assert (asked["status"], asked["cancelled"]) == (200, False)
    assert asked["at"] <= asked["ended"] <= broken["at"]
    assert (broken["status"], broken["body"]) == (400, "{oops")
    assert (listing["method"], listing["query"]) == ("GET", "pageSize=1")
    assert list(emulator.bodies()) == [BODY, "{oops"]


def test_a_reset_clears_script_and_log(emulator: Emulator, gemini: Gemini) -> None:
    gemini.post(NEW, BODY)
    emulator.script({"status": 500})
    emulator.reset()
    assert emulator.received() == []
    assert gemini.post(NEW, BODY).status_code == 200


@pytest.mark.parametrize("script", [b"{}", b"[1]", b'[{"speed": 1}]', b'[{"match": {"day": "x"}}]', b"nope"])
def test_an_invalid_script_is_rejected(gemini: Gemini, script: bytes) -> None:
    response = gemini.http.post("/_emulator/script", content=script)
    assert response.status_code == 400
    assert response.json()["error"]
