"""The repair of JSON that clients send and no parser or database accepts: NUL characters, and lone surrogates.

Agents print binaries and cut strings within an emoji, and send such text again with each request. Each such character
is replaced by U+FFFD. All steps work on whole byte strings, so the cost is linear in the text.
"""

import re
from typing import Any, Final

import orjson

from api.notes import Note

REASON: Final = "NUL characters and unpaired surrogates are replaced by U+FFFD"

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NUL: Final = rb"\u0000"
_BACKSLASH: Final = rb"\\"
_NO_JSON: Final = b"\0"  # no JSON text contains this byte
_HALVES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_RAW_HALVES: Final = re.compile(
    rb"\xed[\xa0-\xaf][\x80-\xbf](?!\xed[\xb0-\xbf][\x80-\xbf])"
    rb"|(?<!\xed[\xa0-\xaf][\x80-\xbf])\xed[\xb0-\xbf][\x80-\xbf]"
)
_RAW_PAIR: Final = re.compile(rb"\xed[\xa0-\xaf]")


def read_json(text: bytes) -> tuple[Any, bool]:
    """Return the value of a JSON text, and whether a character was replaced; a byte order mark is skipped.

    The last of duplicate keys is used. Raises orjson.JSONDecodeError, also for NaN, numbers that overflow, UTF-16,
    invalid UTF-8 and more than 1,024 levels.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        text = text.removeprefix(BYTE_ORDER_MARK)
        sound = mended(text)
        return orjson.loads(sound), sound != text
    if _NUL in text:
        sound = mended(text)
        if sound != text:
            return orjson.loads(sound), True
    return value, False


def replaced(param: str) -> Note:
    """Return the note that characters of `param` were replaced."""
    return Note("converted", param, REASON)


def mended(text: bytes) -> bytes:
    """Return a JSON text with U+FFFD for each escaped NUL and each lone surrogate, escaped or not."""
    if _NO_JSON in text:
        return text
    if b"\\" in text:
        # Escaped backslashes are replaced first: every remaining backslash begins an escape.
        escapes = text.replace(_BACKSLASH, _NO_JSON).replace(_NUL, rb"\ufffd")
        text = _HALVES.sub(rb"\\ufffd", escapes).replace(_NO_JSON, _BACKSLASH)
    text = _RAW_HALVES.sub(b"\xef\xbf\xbd", text)
    return _with_characters(text) if _RAW_PAIR.search(text) else text


def _with_characters(text: bytes) -> bytes:
    """Return text with each pair of surrogates, encoded one by one as UTF-8, replaced by its character."""
    try:
        return text.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()
    except UnicodeDecodeError:
        return text
