"""Compressed request bodies are accepted, for clients that always compress."""

import gzip
import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import brotli
import httpx2
import pytest
import zstandard

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_3, JSON, chat_body, error_of, events
from tests.live_gateway import LiveGateway
from tests.recorded import client_requests
from tests.responses import CONVERSATIONS, RESPONSES, named_events

MEGABYTE = 1_000_000

Encode = Callable[[bytes], bytes]


def raw_deflate(data: bytes) -> bytes:
    """Return raw deflate, without header and checksum, as some clients send it."""
    encoder = zlib.compressobj(wbits=-15)
    return encoder.compress(data) + encoder.flush()


def zstd_stream(data: bytes) -> bytes:
    """Return a frame in the form of Codex: a stream without its size."""
    encoder = zstandard.ZstdCompressor(level=3, write_content_size=False).compressobj()
    return encoder.compress(data) + encoder.flush()


CODINGS: dict[str, tuple[str, Encode]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "capitals": ("GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("Deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd_stream),
    "members": ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    "frames": ("zstd", lambda data: zstd_stream(data[:9]) + zstandard.compress(data[9:])),
    "several": ("gzip, zstd", lambda data: zstandard.compress(gzip.compress(data))),
    "identity": ("identity, br", brotli.compress),
}
each_coding = pytest.mark.parametrize(("header", "encode"), CODINGS.values(), ids=CODINGS.keys())


def posted(http: httpx2.Client, path: str, body: bytes, coding: str) -> httpx2.Response:
    """Send a compressed body; return the response."""
    return http.post(path, content=body, headers={**JSON, "content-encoding": coding})


@each_coding
def test_a_compressed_chat_request_is_accepted(
    http: httpx2.Client, emulator: Emulator, header: str, encode: Encode
) -> None:
    text = f"Say it: {header} \ud83d\ude00"
    response = posted(http, CHAT, encode(json.dumps(chat_body(text)).encode()), header)

    assert response.status_code == 200, response.text
    assert "x-gateway-notes" not in response.headers
    (left,) = emulator.bodies()
    assert left["contents"][0]["parts"] == [{"text": text.encode("utf-16", "surrogatepass").decode("utf-16")}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (COMPLETIONS, {"model": GEMINI_3, "prompt": "Hello!"}),
        (RESPONSES, {"model": GEMINI_3, "input": "Hello!"}),
        (f"{RESPONSES}/input_tokens", {"model": GEMINI_3, "input": "Hello!"}),
        (f"{RESPONSES}/compact", {"model": GEMINI_3, "input": "Hello!"}),
        (CONVERSATIONS, {"metadata": {"topic": "demo"}}),
    ],
)
def test_every_endpoint_accepts_compressed_bodies(
    http: httpx2.Client, emulator: Emulator, path: str, body: dict[str, Any]
) -> None:
    assert posted(http, path, zstd_stream(json.dumps(body).encode()), "zstd").status_code == 200


def test_a_compressed_stream_request_is_accepted(http: httpx2.Client, emulator: Emulator) -> None:
    body = zstd_stream(json.dumps(chat_body(stream=True)).encode())
    assert events(posted(http, CHAT, body, "zstd"))[-1]["choices"][0]["finish_reason"] == "stop"


@each_coding
def test_an_empty_body_needs_no_decoding(http: httpx2.Client, header: str, encode: Encode) -> None:
    assert posted(http, CONVERSATIONS, b"", header).status_code == 200


def codex_bodies() -> list[Any]:
    """Return the recorded bodies of Codex, as parameters of a test."""
    return [
        pytest.param(sent["body"], id=str(number))
        for number, sent in client_requests("codex_cli")
        if (sent["method"], sent["path"]) == ("POST", RESPONSES)
    ]


@pytest.mark.parametrize("body", codex_bodies())
def test_compressed_requests_of_codex_are_accepted(
    http: httpx2.Client, emulator: Emulator, body: dict[str, Any]
) -> None:
    plain = http.post(RESPONSES, json=body)
    compressed = posted(http, RESPONSES, zstd_stream(json.dumps(body).encode()), "zstd")

    assert (plain.status_code, compressed.status_code) == (200, 200)
    assert named_events(compressed.text)[-1]["type"] == "response.completed"
    first, second = emulator.bodies()
    assert second["contents"] == first["contents"]


@each_coding
def test_an_invalid_compressed_body_is_rejected(http: httpx2.Client, header: str, encode: Encode) -> None:
    body = encode(json.dumps(chat_body()).encode())
    for broken in (body[:-3], body[: len(body) // 2], b"{}" + body, json.dumps(chat_body()).encode()):
        response = posted(http, CHAT, broken, header)
        assert response.status_code == 400
        assert error_of(response)["code"] == "invalid_content_encoding"


@pytest.mark.parametrize("header", ["compress", "gzip, lz4", "exi"])
@pytest.mark.parametrize("path", [CHAT, RESPONSES, CONVERSATIONS])
def test_an_unknown_coding_is_rejected_with_the_list_of_known_codings(
    http: httpx2.Client, path: str, header: str
) -> None:
    response = posted(http, path, gzip.compress(b"{}"), header)

    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_content_encoding"
    assert "gzip, deflate, br, zstd" in error_of(response)["message"]
    assert response.headers["accept-encoding"] == "gzip, deflate, br, zstd, identity"


@each_coding
def test_a_decompression_bomb_is_rejected(impatient_gateway: LiveGateway, header: str, encode: Encode) -> None:
    size = 20 * MEGABYTE if header != "br" else 4 * MEGABYTE
    bomb = encode(b'{"model": "' + b"x" * size + b'"}')
    assert len(bomb) < 200_000  # the codings that this server accepts

    began = perf_counter()
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=30, trust_env=False) as http:
        response = posted(http, CHAT, bomb, header)

        assert response.status_code == 413
        assert error_of(response)["code"] == "request_too_large"
        assert perf_counter() - began < 5
        assert posted(http, CHAT, encode(json.dumps(chat_body()).encode()), header).status_code == 200


def test_a_large_body_is_decoded_beside_other_requests(http: httpx2.Client, emulator: Emulator) -> None:
    large = chat_body("x" * 8 * MEGABYTE, metadata={"size": "large"})
    body = zstd_stream(gzip.compress(json.dumps(large).encode()))

    with ThreadPoolExecutor(4) as pool:
        responses = [pool.submit(posted, http, CHAT, body, "gzip, zstd") for _ in range(4)]
        assert http.get("/v1/models").status_code == 200
        assert [answer.result().status_code for answer in responses] == [200] * 4
