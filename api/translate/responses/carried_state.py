"""Carried state: signed server state in OpenAI's field `encrypted_content`, which clients store and send back.

A reasoning item carries Gemini's thought signatures, a compaction item the summary of a conversation. The text is
base64 of a version, a message authentication code and JSON. It is signed and not encrypted: a client can read it and
cannot change it. (Google encrypts Gemini's signatures inside it.) State without this server's signature is ignored. A
reasoning item carries the signatures after its thoughts: of the response text, of the next function call, or of both.
The model family is stored with them, because a signature is invalid for another family (rule 35).
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

_VERSION: Final = b"gw2:"
# The version without a code, in items stored before version 2 only.
_UNSIGNED: Final = b"gw1:"
_CODE_BYTES: Final = 16
_KINDS: Final = frozenset({"reasoning", "compaction"})


@dataclass(frozen=True, slots=True)
class StateSigner:
    """Signs carried state with HMAC-SHA-256 (https://www.rfc-editor.org/rfc/rfc2104), cut to 128 bits."""

    key: bytes = field(repr=False)

    def code(self, body: bytes) -> bytes:
        """Return the message authentication code of a body."""
        return hmac.digest(self.key, body, "sha256")[:_CODE_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedSignature:
    """The signatures in one reasoning item.

    `owner` tells whether `value` belongs to the next call or to the response text; `value` is "" if the model thought
    without a signature. `text` is the signature of the text in addition to a call's signature, "" without one.
    """

    owner: Literal["call", "text"]
    value: str
    family: str
    text: str = ""


def pack_signature(carried: CarriedSignature, signer: StateSigner) -> str:
    """Return the `encrypted_content` of a reasoning item."""
    packed: dict[str, Any] = {"kind": carried.owner, "signature": carried.value, "family": carried.family}
    return _pack(packed | {"text": carried.text} if carried.text else packed, signer)


def unpack_signature(text: str, signer: StateSigner) -> CarriedSignature | None:
    """Return the signatures in a reasoning item; None without this server's signature."""
    packed = _unpack(text, signer)
    owner, value, family, beside = (packed.get(name) for name in ("kind", "signature", "family", "text"))
    if owner not in ("call", "text") or not isinstance(value, str) or not isinstance(family, str):
        return None
    return CarriedSignature(owner=owner, value=value, family=family, text=beside if isinstance(beside, str) else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedConversation:
    """The conversation in a compaction item: its summary, and the items that are stored verbatim.

    `whole` means that the item replaces everything before it. `rules` are the instructions in force, `latest` the items
    of the last request before the response.
    """

    summary: str
    whole: bool = False
    rules: Sequence[dict[str, Any]] = ()
    latest: Sequence[dict[str, Any]] = ()


def pack_conversation(carried: CarriedConversation, signer: StateSigner) -> str:
    """Return the `encrypted_content` of a compaction item."""
    packed: dict[str, Any] = {"kind": "compaction", "summary": carried.summary}
    if carried.whole:
        packed |= {"rules": list(carried.rules), "latest": list(carried.latest)}
    return _pack(packed, signer)


def unpack_conversation(text: str, signer: StateSigner) -> CarriedConversation | None:
    """Return the conversation in a compaction item; None without this server's signature."""
    packed = _unpack(text, signer)
    summary = packed.get("summary")
    if packed.get("kind") != "compaction" or not isinstance(summary, str):
        return None
    rules, latest = packed.get("rules"), packed.get("latest")
    if not isinstance(rules, list) or not isinstance(latest, list):
        return CarriedConversation(summary=summary)
    return CarriedConversation(summary=summary, whole=True, rules=rules, latest=latest)


def signed_again(item: Mapping[str, Any], signer: StateSigner) -> Mapping[str, Any]:
    """Return a stored item with its carried state signed by `signer`.

    The database is trusted: it may have items without a signature, or signed with an earlier key.
    """
    text = item.get("encrypted_content") if item.get("type") in _KINDS else None
    body = _body(_decoded(text)) if isinstance(text, str) else None
    return item if body is None else {**item, "encrypted_content": _encoded(body, signer)}


def without_forged(item: dict[str, Any], signer: StateSigner) -> dict[str, Any]:
    """Return a client's item without carried state of this server's form that has no valid signature.

    The trusted database must not store such a state, because a later request could refer to the item.
    """
    text = item.get("encrypted_content") if item.get("type") in _KINDS else None
    packed = _decoded(text) if isinstance(text, str) else b""
    body = _body(packed)
    return item if body is None or _is_signed(packed, body, signer) else item | {"encrypted_content": ""}


def _pack(value: dict[str, Any], signer: StateSigner) -> str:
    return _encoded(orjson.dumps(value), signer)


def _unpack(text: str, signer: StateSigner) -> dict[str, Any]:
    packed = _decoded(text)
    body = _body(packed)
    if body is None or not _is_signed(packed, body, signer):
        return {}
    try:
        value = orjson.loads(body)
    except ValueError:  # an unsigned text of version 1, stored unchecked
        return {}
    return value if isinstance(value, dict) else {}


def _is_signed(packed: bytes, body: bytes, signer: StateSigner) -> bool:
    return hmac.compare_digest(packed[: -len(body)], _VERSION + signer.code(body))


def _encoded(body: bytes, signer: StateSigner) -> str:
    return b64encode(_VERSION + signer.code(body) + body).decode()


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return b""


def _body(packed: bytes) -> bytes | None:
    """Return the JSON of carried state, signed or not; None for any other text."""
    if packed.startswith(_VERSION):
        return packed[len(_VERSION) + _CODE_BYTES :] or None
    if packed.startswith(_UNSIGNED):
        return packed[len(_UNSIGNED) :] or None
    return None
