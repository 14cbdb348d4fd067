"""Encryption of the thought signatures of tool calls, with a key derived from SECRET_KEY."""

import secrets
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from sessions_store.writing.records import NewCallSignature, NewMessage

_PURPOSE: Final = b"gemini_gateway: thought signatures of tool calls"
_NONCE_BYTES: Final = 12  # https://csrc.nist.gov/pubs/sp/800/38/d/final


def sealed_signatures(owner_id: int, message: NewMessage) -> Iterator[NewCallSignature]:
    """Yield the signatures of the tool calls in a message of Gemini's, sealed for storage."""
    if not message.call_ids or not message.gemini:
        return
    calls = [part for part in orjson.loads(message.gemini).get("parts") or () if "functionCall" in part]
    for call_id, part in zip(message.call_ids, calls, strict=False):
        if signature := part.get("thoughtSignature"):
            nonce = secrets.token_bytes(_NONCE_BYTES)
            sealed = nonce + _cipher(settings.SECRET_KEY).encrypt(nonce, signature.encode(), _bound(owner_id, call_id))
            yield NewCallSignature(call_id=call_id, sealed=sealed, model=message.model, account=message.account)


def opened_signature(sealed: bytes, owner_id: int, call_id: str) -> str | None:
    """Return a signature; None if it was sealed with another SECRET_KEY."""
    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher(settings.SECRET_KEY).decrypt(nonce, text, _bound(owner_id, call_id)).decode()
    except InvalidTag:
        return None


def _bound(owner_id: int, call_id: str) -> bytes:
    """Return what a sealed signature belongs to: a row that was moved to another call cannot be opened."""
    return f"{owner_id}:{call_id}".encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def _cipher(secret_key: str) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode()))
