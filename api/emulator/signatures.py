"""Thought signatures: created here, bound to a part and to the model family, and verified in later requests.

Google's are opaque; these have a recognisable prefix and are a MAC, which detects a signature that was moved to another
part, altered, or sent to another model family. The key is not secret: the emulator is for tests and for development
without a key.

See https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

import base64
import hashlib
import hmac
from typing import Any

import orjson

PREFIX = b"emulated-signature:"
# Values that Google documents for history from elsewhere: they skip the check, raw or as base64.
SKIP = (b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go")
MIN_FOREIGN_BYTES = 32
_KEY = b"the emulator's signatures are no secret"
_NONCE_BYTES = 8


def _plain(value: Any) -> Any:
    """Numbers as protocol buffer Structs hold them: 2.0 and 2 are the same."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _signed(part: dict[str, Any]) -> bytes:
    """The signed bytes of a part: the call's name and arguments (not its id), or the text, or the other content."""
    call = part.get("functionCall")
    if call is not None:
        content: Any = ["call", call.get("name"), call.get("args") or {}]
    elif "text" in part:
        content = ["text", part["text"]]
    else:
        content = [[key, value] for key, value in sorted(part.items()) if key not in {"thoughtSignature", "thought"}]
    return orjson.dumps(_plain(content), option=orjson.OPT_SORT_KEYS)


def _make(part: dict[str, Any], family: str, nonce: bytes) -> bytes:
    mac = hmac.digest(_KEY, b"|".join((nonce, family.encode(), _signed(part))), "sha256")
    filler = hashlib.shake_128(mac).digest(64 + mac[0] // 2)
    return PREFIX + nonce + mac + filler


def sign(part: dict[str, Any], *, family: str, seed: str) -> str:
    """The signature of `part` in base64's standard alphabet; `seed` distinguishes equal parts of two responses."""
    nonce = hashlib.blake2b(seed.encode(), digest_size=_NONCE_BYTES).digest()
    return base64.b64encode(_make(part, family, nonce)).decode()


def is_valid(part: dict[str, Any], *, family: str, foreign: bool) -> bool:
    """Whether the model accepts the part's `thoughtSignature` (standard alphabet, padded).

    With `foreign`, a signature that is not the emulator's is accepted if it is as long as Google's.
    """
    text = part["thoughtSignature"]
    raw = base64.b64decode(text)
    if raw in SKIP or text.replace("+", "-").replace("/", "_").rstrip("=").encode() in SKIP:
        return True
    if not raw.startswith(PREFIX):
        return foreign and len(raw) >= MIN_FOREIGN_BYTES
    nonce = raw[len(PREFIX) : len(PREFIX) + _NONCE_BYTES]
    return hmac.compare_digest(raw, _make(part, family, nonce))
