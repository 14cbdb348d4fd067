"""The access log: one line per request on standard error, whatever became of the request."""

import json
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from tests.emulator_control import Emulator, text_chunks
from tests.exchanges import CHAT, GEMINI_25, JSON, chat_body, fresh, usage_of
from tests.live_gateway import LiveGateway
from tests.responses import RESPONSES
from tests.waiting import eventually

COLUMNS = (
    *("endpoint", "public_model", "upstream_model", "stream", "latency_ms", "attempts", "cost_nano"),
    *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
)

pytestmark = pytest.mark.usefixtures("live_db", "emulator")


def access_line(gateway: LiveGateway, response: httpx2.Response) -> dict[str, Any]:
    """The one line of a response's request."""
    request_id = response.headers["x-request-id"]
    gateway.wait_for(f'"request_id": "{request_id}"')
    (line,) = [json.loads(line) for line in gateway.log.splitlines() if f'"{request_id}"' in line]
    assert line["logger"] == "api.access"
    assert line["peer"] == "127.0.0.1"
    return dict(line)


def test_the_line_of_an_answered_request_has_the_figures_of_its_usage_record(
    gateway: LiveGateway, http: httpx2.Client
) -> None:
    user, secret = fresh("user"), fresh("secret")
    response = http.post(
        CHAT, json=chat_body(secret, model="gpt-4", user=user, top_k=3, prediction={"type": "content", "content": "x"})
    )
    line, usage = access_line(gateway, response), usage_of(response.headers)
    assert (line["level"], line["message"]) == ("info", "chat.completions 200")
    assert {name: line[name] for name in COLUMNS} == {name: getattr(usage, name) for name in COLUMNS}
    assert line["cost_nano"] > 0
    assert (line["status"], line["outcome"], line["notes"]) == (200, "ok", len(usage.notes))
    assert len(usage.notes) > 0
    assert user not in gateway.log
    assert secret not in gateway.log


def test_the_line_of_a_stream_has_the_time_of_its_first_chunk(
    gateway: LiveGateway, http: httpx2.Client, emulator: Emulator
) -> None:
    emulator.script({"chunks": text_chunks("Hello", " world")})
    response = http.post(CHAT, json=chat_body(stream=True))
    line, usage = access_line(gateway, response), usage_of(response.headers)
    assert (line["stream"], line["ttft_ms"], line["outcome"]) == (True, usage.first_byte_ms, "ok")


@pytest.mark.parametrize(
    ("status", "expected", "code"), [(500, 502, "upstream_error"), (503, 503, "server_is_overloaded")]
)
def test_a_failure_of_gemini_is_a_warning(
    gateway: LiveGateway, http: httpx2.Client, emulator: Emulator, status: int, expected: int, code: str
) -> None:
    emulator.script({"status": status, "body": {"error": {"code": status, "message": "Google's own words"}}})
    response = http.post(CHAT, json=chat_body())
    line = access_line(gateway, response)
    assert response.status_code == expected
    assert (line["level"], line["status"], line["code"]) == ("warning", expected, code)
    assert "Google's own words" not in gateway.log


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", CHAT, ("POST /v1/chat/completions", 400, "missing_required_parameter")),
        ("GET", "/v1/models/nonsense", ("GET /v1/models/<path:model>", 404, "model_not_found")),
        ("PUT", CHAT, ("PUT /v1/chat/completions", 405, "method_not_allowed")),
        ("POST", "/v1/nothing/here", ("POST /<path:path>", 404, "unknown_url")),
        ("GET", "/v1/models", ("GET /v1/models", 200, None)),
    ],
)
def test_a_request_without_an_exchange_has_a_line_with_its_route(
    gateway: LiveGateway, http: httpx2.Client, method: str, path: str, expected: tuple[str, int, str | None]
) -> None:
    line = access_line(gateway, http.request(method, path, content=b"{}", headers=JSON))
    assert (line["endpoint"], line["status"], line.get("code")) == expected


def test_an_end_user_in_a_path_is_not_in_the_line(gateway: LiveGateway, http: httpx2.Client) -> None:
    user = fresh("user")
    line = access_line(gateway, http.delete(f"/v1/sessions/{user}"))
    assert line["endpoint"] == "DELETE /v1/sessions/<path:user>"
    assert user not in gateway.log


def test_a_key_in_a_model_name_is_redacted(gateway: LiveGateway, http: httpx2.Client) -> None:
    response = http.post(CHAT, json=chat_body(model="sk-a-key-in-the-wrong-place"))
    assert response.status_code == 404
    assert access_line(gateway, response)["public_model"] == "[redacted]"


def test_a_request_with_an_unread_body_has_a_line(impatient_gateway: LiveGateway) -> None:
    with httpx2.Client(base_url=impatient_gateway.origin, trust_env=False) as client:
        chunks = iter([b"x" * 150_000, b"x" * 150_000])
        response = client.post(CHAT, content=chunks, headers=JSON)
    assert response.status_code == 413
    impatient_gateway.wait_for(r'"status": 413')


def test_rejected_failed_and_answered_frames_have_a_line_each(gateway: LiveGateway) -> None:
    with connect(gateway.origin.replace("http", "ws") + RESPONSES, proxy=None) as socket:
        before = len(gateway.log)
        socket.send(json.dumps({"type": "response.create", "model": GEMINI_25, "input": "Hi", "temperature": "hot"}))
        assert json.loads(socket.recv(timeout=10))["type"] == "error"
        socket.send(json.dumps({"type": "response.create", "model": "nonsense", "input": "Hi"}))
        assert json.loads(socket.recv(timeout=10))["status"] == 404
        socket.send(json.dumps({"type": "response.create", "model": GEMINI_25, "input": "Hi"}))
        while json.loads(socket.recv(timeout=10))["type"] != "response.completed":
            pass
    eventually(lambda: gateway.log[before:].count("api.access") >= 3)
    new = [json.loads(line) for line in gateway.log[before:].splitlines() if "api.access" in line]
    assert [(line["endpoint"], line["status"]) for line in new] == [
        ("WebSocket /v1/responses", 400),
        ("responses", 404),
        ("responses", 200),
    ]


def test_probes_of_health_have_no_line(gateway: LiveGateway, http: httpx2.Client) -> None:
    response = http.get("/healthz")
    access_line(gateway, http.get("/v1/models"))  # written after the probe
    assert response.headers["x-request-id"] not in gateway.log


def test_access_log_0_switches_the_lines_off(emulator: Emulator) -> None:
    with LiveGateway.start(upstream=emulator.base_url, settings={"ACCESS_LOG": "0"}) as quiet:
        with httpx2.Client(base_url=quiet.origin, trust_env=False) as client:
            assert client.post(CHAT, json=chat_body()).status_code == 200
            assert client.get("/v1/nothing").status_code == 404
        quiet.terminate()
        assert quiet.ended_well()
        assert "api.access" not in quiet.log
