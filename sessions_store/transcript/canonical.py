"""The canonical form of an OpenAI message: what makes two messages the same node of the transcript tree.

Clients send history back changed in harmless ways: a string becomes a list with one text part, `null` fields appear,
`system` becomes `developer`, tool-call ids are renumbered, arguments are serialised again, an answer is trimmed. None
of that may give a known message a new identity. Fields that carry no meaning for the model are left out.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NewType

import orjson

from sessions_store.transcript.values import RESULT_ROLES

# What identifies a node of the transcript tree: the digest of its content and of all that comes before it. As 32
# hexadecimal digits, which databases take as they are, and which is compared and hashed quicker than a UUID object.
Key = NewType("Key", str)
# By what other tables name it (docs/decisions/0018): a UUID, in the same form.
NodeId = NewType("NodeId", str)
# Part of every digest: a change of the canonical form must change it, so that old and new nodes never mix.
VERSION = b"\x02"
NO_PARENT = bytes(16)
NEARNESS = 10  # how many digits a key shares with that of its neighbour; the other 88 bits are its own
ROLES = {"developer": "system", "function": "tool"}
LONGEST_CALL_ID = 256
FOLLOWERS = {"assistant", *RESULT_ROLES}
MOST_EXACT = 2.0**63  # whole numbers beyond it stay as they are: JSON's integers end there
LARGE = {"image_url": "url", "input_audio": "data", "file": "file_data"}
SHORT = {**LARGE, "video_url": "url"}  # what a plain string in place of the object stands for


def message_key(principal_id: int, parent: Key | None, message: Mapping[str, Any], *, position: int = 0) -> Key:
    """Return the key of an OpenAI message under `parent`: a digest over version, principal, parent and canonical form.

    The key of an answer or a result is next to its parent's in the order of keys: what is written and read together
    then lies together. `position` is that of `canonical_message`.
    """
    above = NO_PARENT if parent is None else bytes.fromhex(parent)
    whole = VERSION + principal_id.to_bytes(8, "big") + above + canonical_message(message, position=position)
    own = blake2b(whole, digest_size=16).hexdigest()
    if parent is not None and message["role"] in FOLLOWERS:
        own = parent[:NEARNESS] + own[NEARNESS:]
    return Key(own)


def canonical_message(message: Mapping[str, Any], *, position: int = 0) -> bytes:
    """Return the canonical bytes of one OpenAI message.

    `position` says for a tool message which of the assistant's calls it answers: it stands for the call's id, which
    clients are free to rewrite.
    """
    role = message["role"]
    role = ROLES.get(role, role)
    content = message.get("content")
    canonical: list[Any] = [role, content if type(content) is str else _content(content)]
    if role == "assistant":
        # Trimmed and joined: clients show an answer as one text and rarely keep its outer blanks.
        if type(canonical[1]) is not str:
            canonical[1] = _joined(canonical[1])
        canonical[1] = canonical[1].strip() if type(canonical[1]) is str else canonical[1]
        calls = message.get("tool_calls")
        if not calls and message.get("function_call"):
            calls = [{"function": message["function_call"]}]
        if calls:
            canonical.append([_call(call) for call in calls])
        if message.get("refusal"):
            canonical.append({"refusal": message["refusal"]})
    elif role == "tool":
        canonical.append(position)
    elif message.get("name"):
        canonical.append(message["name"])
    return orjson.dumps(canonical)


def answered_position(message: Mapping[str, Any], positions: Mapping[str, int], ordinal: int) -> int:
    """Return which of the calls a tool message answers; its place among the results where its id tells nothing.

    `positions` are those of the calls by their ids (`call_positions`).
    """
    return positions.get(message.get("tool_call_id", ""), ordinal)


def call_positions(message: Mapping[str, Any]) -> dict[str, int]:
    """Return by its id which of an assistant message's tool calls each one is: the first, where several share an id."""
    positions: dict[str, int] = {}
    for position, call_id in enumerate(call_ids_of(message)):
        positions.setdefault(call_id, position)
    return positions


def stored_call_id(call_id: str) -> str:
    """Return a tool call's id as its table holds it: one that is longer than the column under its digest."""
    return call_id if len(call_id) <= LONGEST_CALL_ID else f"digest:{_digest(call_id.encode())}"


def call_ids_of(message: Mapping[str, Any]) -> list[str]:
    """Return the ids of an assistant message's tool calls, in order."""
    return [call.get("id") or "" for call in message.get("tool_calls") or ()]


def _content(content: Any) -> Any:
    """A single text part is its text, nothing is the empty text; other content is a list of canonical parts."""
    if not isinstance(content, list):
        return "" if content is None else content
    parts = [part for part in (_part(part) for part in content) if part != ""]
    if not parts:
        return ""
    return parts[0] if len(parts) == 1 and type(parts[0]) is str else parts


def _part(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part
    kind = part.get("type")
    if kind == "text":
        return part.get("text") or ""
    if kind == "refusal":
        return {"refusal": part.get("refusal") or ""}
    body = part.get(kind) if isinstance(kind, str) else None
    if isinstance(body, str) and kind in SHORT:
        body = {SHORT[kind]: body}
    if not isinstance(body, Mapping):
        return [kind, _digest(orjson.dumps(_normal(part), option=orjson.OPT_SORT_KEYS))]
    large = body.get(LARGE.get(str(kind), ""))
    rest = {key: value for key, value in body.items() if value is not None and value is not large}
    return [kind, _digest(str(large or "").encode()), _normal(rest)]


def _joined(content: Any) -> Any:
    return "".join(content) if isinstance(content, list) and all(type(part) is str for part in content) else content


def _call(call: Mapping[str, Any]) -> Any:
    function = call.get("function") or call.get("custom") or {}
    arguments = function.get("arguments", function.get("input"))
    try:
        # Sorted, and without the difference between 1 and 1.0 that JavaScript does not know.
        parsed = _normal(orjson.loads(arguments)) if arguments else {}
        canonical = orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        canonical = orjson.dumps(arguments)  # no JSON, or more levels than orjson writes
    return [function.get("name"), canonical.decode()]


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _normal(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < MOST_EXACT else value


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
