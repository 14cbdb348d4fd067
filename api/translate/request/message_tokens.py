"""Estimates the tokens of a message for the memory's budget and the usage: text by its length, media by their number.

Base64 is not text: an image of one megabyte would count as a third of a million tokens by its length, while Gemini
counts 258 (https://ai.google.dev/gemini-api/docs/tokens).
"""

import re
from typing import Final

from sessions_store.transcript.values import BYTES_PER_TOKEN

MEDIA_TOKENS: Final = 258
# The bytes before base64 in the JSON of both sides, as written by orjson.
_MARKS: Final = (b";base64,", b'"data":"', b'"file_data":"')
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]*={0,2}")
_LEAST: Final = 1024


def json_tokens(encoded: bytes) -> int:
    """Return an estimate of the tokens of a message or a body in JSON: a quarter of its bytes, and 258 per medium."""
    size = len(encoded)
    if size < _LEAST:
        return -(-size // BYTES_PER_TOKEN)
    media = 0
    for mark in _MARKS:
        place = encoded.find(mark)
        while place >= 0:
            start = place + len(mark)
            run = _BASE64.match(encoded, start)
            end = run.end() if run else start
            if end - start >= _LEAST:
                media += 1
                size -= end - start
            place = encoded.find(mark, end)
    return -(-size // BYTES_PER_TOKEN) + media * MEDIA_TOKENS
