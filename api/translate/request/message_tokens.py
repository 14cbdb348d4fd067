"""How large a message is for the memory's budget and for estimates: text by its length, media by the piece.

Base64 is no text: a picture of a megabyte counts as a third of a million tokens by its length, and as 258 for Gemini
(https://ai.google.dev/gemini-api/docs/tokens).
"""

import re
from typing import Final

from sessions_store.transcript.values import BYTES_PER_TOKEN

MEDIA_TOKENS: Final = 258
# Where base64 begins in the JSON of both sides, as orjson writes it.
_MARKS: Final = (b";base64,", b'"data":"', b'"file_data":"')
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]*={0,2}")
_LEAST: Final = 1024


def json_tokens(encoded: bytes) -> int:
    """Return an estimate of the tokens of a message or a body in JSON: a quarter of its bytes, media apart."""
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
