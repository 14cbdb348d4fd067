"""Every rejection of the gateway: OpenAI's exact form, the status, and the exception of OpenAI's client."""

import json
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from sessions_store.models import UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_25, JSON, chat_body, chat_message, error_of, fresh, usage_of


def nested(levels: int) -> bytes:
    """Return a chat body with nested arrays."""
    return b'{"model": "gpt-4", "messages": ' + b"[" * levels + b"]" * levels + b"}"


HOSTILE_JSON = {
    "empty": b"",
    "half": b'{"model": "gpt-4"',
    "form": b"model=gpt-4",
    "array": b"[]",
    "100k arrays": nested(100_000),
    "100k objects": b'{"a":' * 100_000,
    "5,000 digits": b'{"model": "gpt-4", "n": ' + b"1" * 5000 + b"}",
    "NaN": b'{"model": "gpt-4", "temperature": NaN}',
    "Infinity": b'{"model": "gpt-4", "temperature": Infinity}',
    "overflow": b'{"model": "gpt-4", "temperature": 1e999}',
    "NaN beside half a surrogate pair": rb'{"model": "gpt-4", "user": "\ud83d", "temperature": NaN}',
    "100k arrays around half a surrogate pair": b'{"a":' + b"[" * 100_000 + rb'"\ud83d"',
    "UTF-16": json.dumps(chat_body()).encode("utf-16"),
    "bad UTF-8": b'{"model": "\xff"}',
}


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize("body", HOSTILE_JSON.values(), ids=HOSTILE_JSON.keys())
def test_hostile_json_is_a_400_in_little_time(http: httpx2.Client, path: str, body: bytes) -> None:
    began = perf_counter()
    response = http.post(path, content=body, headers=JSON)

    error = error_of(response)
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert perf_counter() - began < 2  # 50 ms of work, on a busy machine


def test_the_last_of_duplicate_keys_is_read(http: httpx2.Client, emulator: Emulator) -> None:
    body = json.dumps(chat_body()).replace("{", '{"model": "no-such-model", ', 1)

    assert http.post(CHAT, content=body.encode(), headers=JSON).status_code == 200


# (changes to a chat body, status, code, param)
WRONG: list[tuple[dict[str, Any], int, str, str]] = [
    ({"messages": [{"role": "user", "content": 5}]}, 400, "invalid_type", "messages[0].content"),
    ({"messages": [{"role": "wizard", "content": ""}]}, 400, "invalid_value", "messages[0].role"),
    ({"messages": None}, 400, "missing_required_parameter", "messages"),
    ({"messages": []}, 400, "invalid_value", "messages"),
    ({"messages": [{"role": "user", "content": "x"}] * 100_000}, 400, "invalid_value", "messages"),
    ({"model": None}, 400, "missing_required_parameter", "model"),
    ({"model": "no-such-model"}, 404, "model_not_found", "model"),
    ({"model": "gemini-é"}, 404, "model_not_found", "model"),
    ({"temperature": "hot"}, 400, "invalid_type", "temperature"),
    ({"temperature": 3}, 400, "invalid_value", "temperature"),
    ({"n": 10_000}, 400, "invalid_value", "n"),
    ({"n": 0}, 400, "invalid_value", "n"),
    ({"max_tokens": 10**18}, 400, "invalid_value", "max_tokens"),
    ({"max_tokens": -1}, 400, "invalid_value", "max_tokens"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, 400, "mutually_exclusive_parameters", "max_tokens"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}] * 10_000}, 400, "invalid_value", "tools"),
    ({"user": "a\r\nSet-Cookie: b"}, 400, "invalid_value", "user"),
    ({"user": "x" * 10_000}, 400, "invalid_value", "user"),
    ({"model": "gpt-4\r\nX-Evil: 1"}, 400, "invalid_value", "model"),
    ({"metadata": {"k": 1}}, 400, "invalid_type", "metadata.k"),
]


@pytest.mark.parametrize(("changes", "status", "code", "param"), WRONG, ids=lambda value: str(value)[:40])
def test_the_error_of_an_invalid_request_names_the_parameter(
    http: httpx2.Client, changes: dict[str, Any], status: int, code: str, param: str
) -> None:
    response = http.post(CHAT, json=chat_body(**changes))

    error = error_of(response)
    assert (response.status_code, error["type"]) == (status, "invalid_request_error")
    assert (error["code"], error["param"]) == (code, param)


def test_an_unanswered_tool_call_is_rejected(client: OpenAI) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assistant: Any = {"role": "assistant", "content": None, "tool_calls": [call]}

    with pytest.raises(openai.BadRequestError, match="must be followed by tool messages") as caught:
        client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hi"), assistant, chat_message("Well?")])

    assert caught.value.request_id


def test_unknown_token_ids_are_rejected(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="gpt-4", prompt=[[1, 2, 100256]])

    assert caught.value.param == "prompt"


def test_an_unknown_model_is_a_404(client: OpenAI, emulator: Emulator, live_db: None) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=[chat_message("Hello!")])

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert "no-such-model" in caught.value.message
    assert emulator.received() == []
    record = usage_of(caught.value.response.headers)
    assert (record.status, record.http_status, record.cost_nano) == ("client_error", 404, 0)


def test_the_parsing_time_grows_linearly(http: httpx2.Client) -> None:
    def seconds(messages: int) -> float:
        body = json.dumps(chat_body(messages=[{"role": "user", "content": 1}] * messages)).encode()
        best = 10.0
        for _ in range(3):
            began = perf_counter()
            assert http.post(CHAT, content=body, headers=JSON).status_code == 400
            best = min(best, perf_counter() - began)
        return best

    # A busy machine delays a round: the minimum of several rounds is compared.
    assert any(seconds(200_000) < 8 * seconds(50_000) for _ in range(4))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", CHAT),
        ("DELETE", CHAT),
        ("PATCH", COMPLETIONS),
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models/gpt-4"),
        ("POST", "/v1/sessions"),
        ("OPTIONS", CHAT),
        ("TRACE", CHAT),
    ],
)
def test_wrong_methods_are_a_405(http: httpx2.Client, method: str, path: str) -> None:
    response = http.request(method, path)

    error = error_of(response)
    assert response.status_code == 405
    assert response.headers["allow"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "method_not_allowed")
    assert method in error["message"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/chat", "/v1/chat/completions/a/b", "/v2/models", "/nothing"])
def test_unknown_paths_are_a_404(http: httpx2.Client, method: str, path: str) -> None:
    response = http.request(method, path)

    error = error_of(response)
    assert response.status_code in ({404, 405} if method == "OPTIONS" else {404})
    assert error["type"] == "invalid_request_error"
    if response.status_code == 404:
        assert error["code"] == "unknown_url"


def test_openais_client_raises_for_an_unknown_path(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.post("/unknown", cast_to=object)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", None]
)
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
def test_a_body_of_another_media_type_is_rejected(http: httpx2.Client, path: str, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    response = http.post(path, content=json.dumps(chat_body()).encode(), headers=headers)

    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_a_body_with_the_identity_coding_is_read(http: httpx2.Client, encoding: str, emulator: Emulator) -> None:
    headers = {**JSON, "content-encoding": encoding}

    assert http.post(CHAT, content=json.dumps(chat_body()).encode(), headers=headers).status_code == 200


def test_json_with_a_charset_is_read(http: httpx2.Client, emulator: Emulator) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}

    assert http.post(CHAT, content=json.dumps(chat_body()).encode(), headers=headers).status_code == 200


REFUSALS: list[tuple[str, str, bytes, Mapping[str, str]]] = [
    ("POST", CHAT, b"{", JSON),
    ("POST", CHAT, b"{}", {"content-type": "text/plain"}),
    ("GET", CHAT, b"", {}),
    ("GET", "/v1/nothing", b"", {}),
    ("GET", "/v1/models/nothing", b"", {}),
    ("DELETE", "/v1/sessions/nobody", b"", {}),
    ("GET", "/v1/models", b"", {"accept": "text/html"}),
    ("GET", "/v1/models", b"", {"host": "evil.example"}),
    ("GET", "/v1/models?format=api", b"", {"accept": "application/xml"}),
    ("GET", "/v1/%ff%fe", b"", {}),
    ("GET", "/v1/models/%00", b"", {}),
]


@pytest.mark.parametrize(("method", "path", "body", "headers"), REFUSALS)
def test_an_error_is_neither_a_page_nor_has_details(
    http: httpx2.Client, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> None:
    response = http.request(method, path, content=body, headers=dict(headers))

    assert response.headers["content-type"] == "application/json"
    assert "detail" not in response.json()
    assert "<" not in response.text
    assert "Traceback" not in response.text
    if response.status_code != 200:
        error_of(response)


@pytest.mark.parametrize(
    "name", ["X-Request-ID", "X-Client-Request-Id", "X-Session-Id", "OpenAI-Organization", "Authorization"]
)
@pytest.mark.parametrize("value", [b"x" * 10_000, "ünïcödé".encode(), b"a\tb"])
def test_unusual_headers_are_accepted_or_rejected(
    http: httpx2.Client, emulator: Emulator, name: str, value: bytes
) -> None:
    headers: Any = [(b"content-type", b"application/json"), (name.encode(), value)]
    response = http.post(CHAT, json=chat_body(), headers=headers)

    assert response.status_code == (400 if name == "X-Session-Id" else 200)
    assert response.headers["x-request-id"].startswith("req_")
    if response.status_code == 400:
        assert error_of(response)["param"] == "X-Session-Id"


def test_escape_sequences_never_reach_the_log(http: httpx2.Client, gateway: Any, live_db: None) -> None:
    marker = fresh("marker")
    http.post(CHAT, json=chat_body(model=f"{marker}\x1b[31m"))
    http.get(f"/v1/{marker}%0d%0aX-Evil:%20{marker}%1b%5b31m")
    http.get("/v1/models", headers={"authorization": f"Bearer {marker}"})

    for line in gateway.log.splitlines():
        assert "\x1b" not in line
        assert not line.startswith("X-Evil")
    assert not UsageRecord.objects.filter(public_model__contains="\x1b").exists()
