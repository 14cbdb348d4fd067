"""The canonical form of an OpenAI message: messages with an equal form under an equal parent are one node of the tree.

Clients send history back with harmless changes: a string becomes a list with one text part, `null` fields appear,
`system` becomes `developer`, tool-call ids are renumbered, arguments are serialised again, an assistant message is
trimmed. The canonical form is the same before and after each of these changes. Fields without meaning for the model are
left out.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NewType

import orjson

from sessions_store.transcript.values import RESULT_ROLES

# Identifies a node of the transcript tree: the digest of its content and all its ancestors, as 32 hexadecimal digits.
# Databases take the digits unchanged, and a string is compared and hashed faster than a UUID object.
NodeKey = NewType("NodeKey", str)
# The id of a node in other tables (docs/decisions/0018): a UUID, as 32 hexadecimal digits.
NodeId = NewType("NodeId", str)
# Part of every digest: a change of the canonical form must change VERSION, so that old and new nodes never mix.
VERSION = b"\x02"
NO_PARENT = bytes(16)
NEARNESS = 10  # digits in common with the parent's key; the other 88 bits are the node's own
ROLES = {"developer": "system", "function": "tool"}
LONGEST_CALL_ID = 256
FOLLOWERS = {"assistant", *RESULT_ROLES}
MOST_EXACT = 2.0**63  # larger floats stay floats: orjson's integers have 64 bits
LARGE = {"image_url": "url", "input_audio": "data", "file": "file_data"}
SHORT = {**LARGE, "video_url": "url"}  # field of the object that a plain string abbreviates


def message_key(principal_id: int, parent: NodeKey | None, message: Mapping[str, Any], *, position: int = 0) -> NodeKey:
    """Return the key of an OpenAI message under `parent`: a digest of version, principal, parent and canonical form.

    The key of an assistant message or a tool result shares its first NEARNESS digits with its parent's: rows written
    and read together are neighbours in the index. `position`: see `canonical_message`.
    """
    above = NO_PARENT if parent is None else bytes.fromhex(parent)
    whole = VERSION + principal_id.to_bytes(8, "big") + above + canonical_message(message, position=position)
    own = blake2b(whole, digest_size=16).hexdigest()
    if parent is not None and message["role"] in FOLLOWERS:
        own = parent[:NEARNESS] + own[NEARNESS:]
    return NodeKey(own)


def canonical_message(message: Mapping[str, Any], *, position: int = 0) -> bytes:
    """Return the canonical bytes of one OpenAI message.

    `position`: for a tool message, the index of its call in the assistant message. The index replaces the call id,
    which clients may rewrite.
    """
    role = message["role"]
    role = ROLES.get(role, role)
    content = message.get("content")
    canonical: list[Any] = [role, content if type(content) is str else _content(content)]
    if role == "assistant":
        # Trimmed and joined: clients show an assistant message as one text and rarely keep its leading and trailing
        # whitespace.
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
    """Return the index of a tool message's call; `ordinal`, its index among the results, if its call id is unknown.

    `positions`: index of each call by id, see `call_positions`.
    """
    return positions.get(message.get("tool_call_id", ""), ordinal)


def call_positions(message: Mapping[str, Any]) -> dict[str, int]:
    """Return the index of each tool call of an assistant message by its id; of calls with equal ids, the first."""
    positions: dict[str, int] = {}
    for position, call_id in enumerate(call_ids_of(message)):
        positions.setdefault(call_id, position)
    return positions


def stored_call_id(call_id: str) -> str:
    """Return a tool call's id for the database: an id longer than the column is replaced by its digest."""
    return call_id if len(call_id) <= LONGEST_CALL_ID else f"digest:{_digest(call_id.encode())}"


def call_ids_of(message: Mapping[str, Any]) -> list[str]:
    """Return the ids of an assistant message's tool calls, in order."""
    return [call.get("id") or "" for call in message.get("tool_calls") or ()]


def _content(content: Any) -> Any:
    """Return a single text part as its text, absent content as "", other content as a list of canonical parts."""
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
        # Sorted, and 1.0 as 1: JavaScript does not distinguish them.
        parsed = _normal(orjson.loads(arguments)) if arguments else {}
        canonical = orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        canonical = orjson.dumps(arguments)  # invalid JSON, or nested deeper than orjson allows
    return [function.get("name"), canonical.decode()]


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _normal(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < MOST_EXACT else value


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
