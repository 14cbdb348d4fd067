"""Compressed bodies are decoded up to the limit, and invalid ones are rejected."""

import gzip
import os
import tracemalloc
import zlib
from time import process_time

import brotli
import pytest
import zstandard

from api.errors import InvalidRequestError, PayloadTooLargeError, UnsupportedCodingError
from api.http.content_coding import ACCEPTED, MAX_CODINGS, MAX_SECTIONS, codings_of, decoded

LIMIT = 1_000_000
TEXT = b'{"model": "gpt-4"}' * 1000
NOISE = os.urandom(700_000)


def raw_deflate(data: bytes) -> bytes:
    """Return raw deflate, without header and checksum, as some clients send it."""
    encoder = zlib.compressobj(wbits=-15)
    return encoder.compress(data) + encoder.flush()


def zstd_stream(data: bytes) -> bytes:
    """Return a frame of a streaming encoder: without the size, with the checksum."""
    encoder = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compressobj()
    return b"".join(encoder.compress(data[at : at + 1000]) for at in range(0, len(data), 1000)) + encoder.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate without header": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "zstd in a stream": zstd_stream,
}
encoders = pytest.mark.parametrize("name", ENCODERS)


def coding(name: str) -> list[str]:
    """Return the coding of an encoder."""
    return [name.partition(" ")[0]]


@encoders
@pytest.mark.parametrize(
    "data", [b"", b"{}", TEXT, NOISE, bytes(LIMIT)], ids=["empty", "small", "text", "noise", "zeros"]
)
def test_each_coding_is_decoded(name: str, data: bytes) -> None:
    assert decoded(ENCODERS[name](data), coding(name), limit=LIMIT) == data


@encoders
@pytest.mark.parametrize("size", [LIMIT + 1, 30 * LIMIT])
def test_a_body_beyond_the_limit_is_rejected_without_being_stored(name: str, size: int) -> None:
    body = ENCODERS[name](bytes(size))
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLargeError):
            decoded(body, coding(name), limit=LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 4 * LIMIT
    finally:
        tracemalloc.stop()


@encoders
@pytest.mark.parametrize("data", [TEXT, NOISE], ids=["text", "noise"])
def test_a_body_that_ends_too_early_is_rejected(name: str, data: bytes) -> None:
    body = ENCODERS[name](data)
    for length in {1, 2, 5, len(body) // 2, *range(len(body) - 6, len(body))}:
        with pytest.raises(InvalidRequestError) as caught:
            decoded(body[:length], coding(name), limit=LIMIT)
        assert caught.value.code == "invalid_content_encoding"


@encoders
@pytest.mark.parametrize("rest", [b"{}", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\0\0x"])
@pytest.mark.parametrize("data", [TEXT, NOISE, bytes(LIMIT)], ids=["text", "noise", "zeros"])
def test_a_body_with_trailing_bytes_is_rejected(name: str, rest: bytes, data: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        decoded(ENCODERS[name](data) + rest, coding(name), limit=LIMIT)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("body", [b"{}", b"\0" * 100, TEXT, NOISE], ids=["braces", "zeros", "text", "noise"])
def test_an_uncompressed_body_is_rejected(name: str, body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        decoded(body, [name], limit=LIMIT)


def test_a_wrong_checksum_is_rejected() -> None:
    for name in ("gzip", "deflate", "zstd in a stream"):
        body = bytearray(ENCODERS[name](TEXT))
        body[-5 if name == "gzip" else -1] ^= 1
        with pytest.raises(InvalidRequestError):
            decoded(bytes(body), coding(name), limit=LIMIT)


@pytest.mark.parametrize("padding", [b"", b"\0" * 1000])
def test_several_gzip_members_are_one_body(padding: bytes) -> None:
    members = [TEXT, b"", NOISE[:50_000], b"end"]
    body = b"".join(gzip.compress(member) for member in members) + padding
    assert decoded(body, ["gzip"], limit=LIMIT) == b"".join(members)


def test_several_zstd_frames_are_one_body() -> None:
    skippable = b"\x53\x2a\x4d\x18\x04\0\0\0note"
    body = zstandard.compress(TEXT) + skippable + zstd_stream(NOISE[:50_000]) + zstandard.compress(b"")
    assert decoded(body, ["zstd"], limit=LIMIT) == TEXT + NOISE[:50_000]


def test_codings_are_undone_from_the_last_to_the_first() -> None:
    body = brotli.compress(zstandard.compress(gzip.compress(TEXT)))
    assert decoded(body, codings_of("gzip, ZSTD ,Br"), limit=LIMIT) == TEXT


def test_the_limit_applies_to_each_coding() -> None:
    inner = gzip.compress(os.urandom(LIMIT))
    with pytest.raises(PayloadTooLargeError):
        decoded(zstandard.compress(inner), ["gzip", "zstd"], limit=LIMIT)
    with pytest.raises(PayloadTooLargeError):
        decoded(zstandard.compress(gzip.compress(bytes(10 * LIMIT))), ["gzip", "zstd"], limit=LIMIT)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("", []),
        ("identity", []),
        ("Identity, ,", []),
        ("GZIP", ["gzip"]),
        (" X-Gzip\t", ["x-gzip"]),
        ("identity,gzip , BR", ["gzip", "br"]),
    ],
)
def test_the_coding_header_is_read_in_any_spelling(header: str, names: list[str]) -> None:
    assert codings_of(header) == names


@pytest.mark.parametrize("header", ["compress", "gzip, lzma", "gzip;q=1", "gzip zstd", "aes128gcm"])
def test_an_unknown_coding_is_rejected_with_the_list_of_known_codings(header: str) -> None:
    with pytest.raises(UnsupportedCodingError) as caught:
        codings_of(header)
    assert caught.value.status == 415
    assert caught.value.accepted == ACCEPTED
    assert all(name in caught.value.message for name in ("gzip", "deflate", "br", "zstd"))


def test_too_many_codings_are_rejected() -> None:
    assert len(codings_of(",".join(["gzip"] * MAX_CODINGS))) == MAX_CODINGS
    with pytest.raises(InvalidRequestError):
        codings_of(",".join(["gzip"] * (MAX_CODINGS + 1)))


EMPTY_SECTIONS = {
    "gzip": gzip.compress(b""),
    "zstd": zstandard.compress(b""),
    "zstd blocks": b"\0\0\0",
    "zstd skippable": b"\x50\x2a\x4d\x18\0\0\0\0",
}


@pytest.mark.parametrize(("name", "section"), EMPTY_SECTIONS.items(), ids=EMPTY_SECTIONS.keys())
def test_the_work_of_empty_sections_is_bounded(name: str, section: bytes) -> None:
    head = zstandard.compress(b"")[:-3] if name == "zstd blocks" else b""
    body = head + section * (20 * 1024 * 1024 // len(section))
    began = process_time()
    with pytest.raises(InvalidRequestError):
        decoded(body, coding(name), limit=LIMIT)
    assert process_time() - began < 5
    assert len(body) // len(section) > MAX_SECTIONS


@pytest.mark.parametrize("window_log", [23, 27])
def test_a_window_larger_than_the_limit_is_rejected(window_log: int) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log, write_content_size=False)
    encoder = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = encoder.compress(TEXT) + encoder.flush()
    if window_log == 23:
        assert decoded(body, ["zstd"], limit=LIMIT) == TEXT
    else:
        with pytest.raises(InvalidRequestError):
            decoded(body, ["zstd"], limit=LIMIT)
