"""Decoding of compressed request bodies (RFC 9110, section 8.4), within a size limit.

Each coding is an iterator over small chunks of decoded bytes, so a decompression bomb is rejected before it is in
memory.
"""

import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final

import brotli
import zstandard

from api.errors import InvalidRequestError, PayloadTooLargeError, UnsupportedCodingError

MAX_CODINGS: Final = 4
# A limit for hostile bodies of empty members or blocks, which cost time and decode to nothing.
MAX_SECTIONS: Final = 65_536

_READ: Final = 16 * 1024  # bytes of the body read at once
_CHUNK: Final = 256 * 1024  # bytes decoded at once
_GZIP: Final = 31  # zlib's `wbits`
_ZLIB: Final = 15
_RAW_DEFLATE: Final = -15
_ZSTD_HEADER: Final = 18  # maximum bytes of a frame's header
_ZSTD_RUN: Final = 1  # the type of a block of one repeated byte
_ZSTD_WINDOW: Final = 8 * 1024 * 1024  # the window that every sender may use (RFC 9659)


class _BrokenError(Exception):
    """The body is not valid data of its coding, or is truncated."""


def codings_of(header: str) -> list[str]:
    """Return the codings of a `Content-Encoding` header in the order in which they were applied.

    Raises UnsupportedCodingError for an unknown one, InvalidRequestError for more than MAX_CODINGS.
    """
    names = [word.strip().lower() for word in header.split(",")]
    codings = [name for name in names if name not in ("", "identity")]
    if any(name not in _DECODERS for name in codings):
        raise UnsupportedCodingError(ACCEPTED)
    if len(codings) > MAX_CODINGS:
        raise InvalidRequestError(
            f"Invalid header 'Content-Encoding': expected at most {MAX_CODINGS} codings.", code="invalid_value"
        )
    return codings


def decoded(body: bytes, codings: Sequence[str], *, limit: int) -> bytes:
    """Return `body` decoded; no step may exceed `limit` bytes.

    Raises PayloadTooLargeError, or InvalidRequestError for invalid data.
    """
    for coding in reversed(codings):
        body = _decoded(body, coding, limit)
    return body


def _decoded(body: bytes, coding: str, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in _DECODERS[coding](body, limit):
            size += len(chunk)
            if size > limit:
                raise PayloadTooLargeError("The decoded request body is larger than the limit of this server.")
            chunks.append(chunk)
    except (_BrokenError, zlib.error, brotli.error, zstandard.ZstdError):
        raise InvalidRequestError(
            f"The request body is not valid {coding} data (header 'Content-Encoding').",
            code="invalid_content_encoding",
        ) from None
    return b"".join(chunks)


def _gunzip(body: bytes, limit: int) -> Iterator[bytes]:
    """Decode one or more members (RFC 1952), optionally followed by zero bytes."""
    end = 0
    for _ in range(MAX_SECTIONS):
        end = yield from _inflate(body, end, _GZIP)
        if not body[end : end + 1].strip(b"\0"):
            if body[end:].strip(b"\0"):
                raise _BrokenError
            return
    raise _BrokenError


def _deflate(body: bytes, limit: int) -> Iterator[bytes]:
    """Decode the zlib format (RFC 1950), or raw deflate data (RFC 1951), which some senders send as `deflate`."""
    is_zlib = len(body) > 1 and body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    end = yield from _inflate(body, 0, _ZLIB if is_zlib else _RAW_DEFLATE)
    if end < len(body):
        raise _BrokenError


def _inflate(body: bytes, position: int, wbits: int) -> Generator[bytes, None, int]:
    """Decode the stream that begins at `position`; return the position of its end."""
    decoder = zlib.decompressobj(wbits)
    while not decoder.eof:
        data = decoder.unconsumed_tail
        if not data:
            data = body[position : position + _READ]
            position += len(data)
        chunk = decoder.decompress(data, _CHUNK)
        if not data and not chunk and not decoder.eof:
            raise _BrokenError
        yield chunk
    return position - len(decoder.unused_data)


def _unbrotli(body: bytes, limit: int) -> Iterator[bytes]:
    """Decode one stream (RFC 7932)."""
    decoder = brotli.Decompressor()
    for position in range(0, len(body), _READ):
        if decoder.is_finished():
            raise _BrokenError
        chunk = decoder.process(body[position : position + _READ], output_buffer_limit=_CHUNK)
        while not decoder.is_finished() and (chunk or not decoder.can_accept_more_data()):
            yield chunk
            chunk = decoder.process(b"", output_buffer_limit=_CHUNK)
        yield chunk
    if not decoder.is_finished():
        raise _BrokenError


def _unzstd(body: bytes, limit: int) -> Iterator[bytes]:
    """Decode one or more frames (RFC 8878). The frames are checked first: the library accepts a truncated body."""
    _check_frames(body)
    decoder = zstandard.ZstdDecompressor(max_window_size=max(limit, _ZSTD_WINDOW))
    reader = decoder.stream_reader(body, read_across_frames=True)
    while chunk := reader.read(_CHUNK):
        yield chunk


def _check_frames(body: bytes) -> None:
    """Check the lengths of all frames and blocks; raises _BrokenError unless the last one ends with the body."""
    position = sections = 0
    while position < len(body):
        if body[position : position + 4] != zstandard.FRAME_HEADER:
            position = _skippable_end(body, position)
            sections += 1
        else:
            position, sections = _frame_end(body, position, sections)
        if position > len(body) or sections > MAX_SECTIONS:
            raise _BrokenError


def _frame_end(body: bytes, position: int, sections: int) -> tuple[int, int]:
    """Return the end of the frame at `position`, and `sections` plus the number of its blocks."""
    header = body[position : position + _ZSTD_HEADER]
    position += zstandard.frame_header_size(header)
    last = False
    while not last and position < len(body) and sections <= MAX_SECTIONS:
        block = int.from_bytes(body[position : position + 3], "little")
        last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        position += 3 + (1 if kind == _ZSTD_RUN else size)
        sections += 1
    if not last:
        raise _BrokenError
    return position + (4 if zstandard.get_frame_parameters(header).has_checksum else 0), sections


def _skippable_end(body: bytes, position: int) -> int:
    """Return the end of the skippable frame at `position`; raises _BrokenError if there is none."""
    magic = int.from_bytes(body[position : position + 4], "little")
    if magic & ~15 != 0x184D2A50 or position + 8 > len(body):
        raise _BrokenError
    return position + 8 + int.from_bytes(body[position + 4 : position + 8], "little")


_DECODERS: Final[dict[str, Callable[[bytes, int], Iterator[bytes]]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _deflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
# The value of the header `Accept-Encoding`.
ACCEPTED: Final = "gzip, deflate, br, zstd, identity"
