"""What clients carry for this server without reading it: thought signatures in `reasoning.encrypted_content`, and the
summary in a compaction item.

A blob is base64 of a version and JSON. Gemini's signatures are encrypted by Google already. A reasoning item carries
those of what follows its thoughts: of the text of the answer, of the next function call, or of both. The model family
stands beside them, because a signature is of no use to another one (rule 35).
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

_VERSION = b"gw1:"


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


def pack_signature(carried: CarriedSignature) -> str:
    """Return the `encrypted_content` of a reasoning item."""
    packed: dict[str, Any] = {"kind": carried.owner, "signature": carried.value, "family": carried.family}
    return _pack(packed | {"text": carried.text} if carried.text else packed)


def unpack_signature(blob: str) -> CarriedSignature | None:
    """Return what a reasoning item carries; None if another server made it."""
    packed = _unpack(blob)
    owner, value, family, text = (packed.get(name) for name in ("kind", "signature", "family", "text"))
    if owner not in ("call", "text") or not isinstance(value, str) or not isinstance(family, str):
        return None
    return CarriedSignature(owner=owner, value=value, family=family, text=text if isinstance(text, str) else "")


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


def pack_conversation(carried: CarriedConversation) -> str:
    """Return the `encrypted_content` of a compaction item."""
    packed: dict[str, Any] = {"kind": "compaction", "summary": carried.summary}
    if carried.whole:
        packed |= {"rules": list(carried.rules), "latest": list(carried.latest)}
    return _pack(packed)


def unpack_conversation(blob: str) -> CarriedConversation | None:
    """Return what a compaction item carries; None if another server made it.

    The client could have changed the items: whoever reads them checks them like any input.
    """
    packed = _unpack(blob)
    summary = packed.get("summary")
    if packed.get("kind") != "compaction" or not isinstance(summary, str):
        return None
    rules, latest = packed.get("rules"), packed.get("latest")
    if not isinstance(rules, list) or not isinstance(latest, list):
        return CarriedConversation(summary=summary)
    return CarriedConversation(summary=summary, whole=True, rules=rules, latest=latest)


def _pack(value: dict[str, Any]) -> str:
    return b64encode(_VERSION + orjson.dumps(value)).decode()


def _unpack(blob: str) -> dict[str, Any]:
    try:
        packed = b64decode(blob, validate=True)
        value = orjson.loads(packed.removeprefix(_VERSION)) if packed.startswith(_VERSION) else None
    except (Base64Error, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
