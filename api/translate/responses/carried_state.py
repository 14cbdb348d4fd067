"""State that clients carry for this server without reading it, in OpenAI's field `encrypted_content`: Gemini's thought
signatures in a reasoning item, the summary of a conversation in a compaction item.

The text is base64 of a version, a message authentication code and JSON. It is signed and not encrypted: a client can
read it and cannot change it. (Gemini's signatures inside it are encrypted by Google.) What this server has not signed
is not read. A reasoning item carries the signatures of what follows its thoughts: of the text of the answer, of the
next function call, or of both. The model family stands beside them, because a signature is of no use to another one
(rule 35).
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

_VERSION: Final = b"gw2:"
# Without a code; only items that the database kept from then have it.
_UNSIGNED: Final = b"gw1:"
_CODE_BYTES: Final = 16
_KINDS: Final = frozenset({"reasoning", "compaction"})


@dataclass(frozen=True, slots=True)
class StateSigner:
    """Signs what clients carry, with HMAC-SHA-256 (https://www.rfc-editor.org/rfc/rfc2104), cut to 128 bits."""

    key: bytes = field(repr=False)

    def code(self, body: bytes) -> bytes:
        """Return the message authentication code of a body."""
        return hmac.digest(self.key, body, "sha256")[:_CODE_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedSignature:
    """The signatures that a client carries in one reasoning item.

    `owner` says whether `value` belongs to the next call or to the text of the answer; it is "" where the model thought
    without signing. `text` is the signature of the text beside that of a call, "" if there is none.
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
    """Return what a reasoning item carries; None if this server has not signed it."""
    packed = _unpack(text, signer)
    owner, value, family, beside = (packed.get(name) for name in ("kind", "signature", "family", "text"))
    if owner not in ("call", "text") or not isinstance(value, str) or not isinstance(family, str):
        return None
    return CarriedSignature(owner=owner, value=value, family=family, text=beside if isinstance(beside, str) else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedConversation:
    """The conversation that a compaction item stands for: its summary, and the items that stay word for word.

    `whole` says that it stands for everything before it, which then need not be read. `rules` are the instructions
    that were in force, `latest` is what the model was about to answer.
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
    """Return what a compaction item carries; None if this server has not signed it."""
    packed = _unpack(text, signer)
    summary = packed.get("summary")
    if packed.get("kind") != "compaction" or not isinstance(summary, str):
        return None
    rules, latest = packed.get("rules"), packed.get("latest")
    if not isinstance(rules, list) or not isinstance(latest, list):
        return CarriedConversation(summary=summary)
    return CarriedConversation(summary=summary, whole=True, rules=rules, latest=latest)


def signed_again(item: Mapping[str, Any], signer: StateSigner) -> Mapping[str, Any]:
    """Return an item of the database with what it carries signed by `signer`.

    The database is trusted: it may hold items from before there were signatures, or from before a change of the key.
    """
    text = item.get("encrypted_content") if item.get("type") in _KINDS else None
    body = _body(_decoded(text)) if isinstance(text, str) else None
    return item if body is None else {**item, "encrypted_content": _encoded(body, signer)}


def without_forged(item: dict[str, Any], signer: StateSigner) -> dict[str, Any]:
    """Return a client's item without carried state that claims to be this server's and is not signed by it.

    The database, which is trusted, must not take such a text: a later request could refer to the item.
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
    except ValueError:  # an old text, which had not been checked when it was stored
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
    """Return the JSON of what was packed here, signed or not; None if it was not packed here."""
    if packed.startswith(_VERSION):
        return packed[len(_VERSION) + _CODE_BYTES :] or None
    if packed.startswith(_UNSIGNED):
        return packed[len(_UNSIGNED) :] or None
    return None
