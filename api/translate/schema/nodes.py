"""Properties of a single schema node."""

from typing import Any, Final

import orjson

from api.translate.schema.facts import Types
from api.translate.schema.findings import Path
from api.translate.schema.keywords import TYPES

# Keywords whose value is copied, not traversed, so that the size of the value counts.
_COPIED: Final = frozenset({"enum", "const", "default", "required", "propertyOrdering"})


def is_false(node: Any) -> bool:
    """Tell whether a node rejects every value: `not` of a schema that accepts all."""
    return isinstance(node, dict) and "not" in node and (node["not"] is True or node["not"] == {})


def weight(node: dict[str, Any]) -> int:
    """Return the size of a node in bytes of JSON, without its subschemas."""
    size = 2
    for key, value in node.items():
        size += len(key) + 4
        if isinstance(value, str):
            size += len(value)
        elif key in _COPIED:
            size += len(orjson.dumps(value))
        elif isinstance(value, dict):
            size += sum(map(len, value)) + 4 * len(value) if key == "properties" else 2 * len(value)
        elif isinstance(value, list):
            size += 2 * len(value)
    return size


def own_types(node: dict[str, Any]) -> Types | None:
    """Return the types that a node names, including null if the node is `nullable`.

    None if any type is missing or unknown.
    """
    given = node.get("type")
    names: list[Any] = given if isinstance(given, list) else [given]
    if not names or not all(isinstance(name, str) and name.lower() in TYPES for name in names):
        return None
    types = frozenset(name.lower() for name in names)
    return types | {"null"} if node.get("nullable") is True else types


def place_of(pointer: str) -> Path:
    """Return the path of a reference target for notes."""
    path: Path = None
    for step in pointer.lstrip("#/").split("/")[:8]:
        path = (path, step)
    return path
