"""Whether Gemini takes a schema as it is, so that the client's own object can be sent."""

from typing import Any

from api.translate.schema.keywords import (
    LIST_KEYWORDS,
    MAP_KEYWORDS,
    PLAIN_KEYWORDS,
    SCHEMA_KEYWORDS,
    is_plain_enum,
)


def is_taken(root: Any, references: list[str]) -> bool:
    """Tell whether Gemini takes this schema as it is; the `$ref`s seen are added to `references`.

    A schema with an `$id` below its root is not: references within it would start there.
    """
    if not isinstance(root, dict) or not isinstance(root.get("$id", ""), str):
        return False
    return all(key == "$id" or _is_taken(key, value, root, references) for key, value in root.items())


def _is_taken(key: str, value: Any, node: dict[str, Any], references: list[str]) -> bool:
    """Tell whether Gemini takes one keyword of a node, and all below it."""
    is_well_formed = PLAIN_KEYWORDS.get(key)
    if is_well_formed is not None:
        if key == "$ref":
            references.append(value)
            return is_well_formed(value) and _is_plain_ref(node)
        return is_well_formed(value)
    if key == "enum":
        return is_plain_enum(value, node.get("type"))
    return _are_children_taken(key, value, references)


def _are_children_taken(key: str, value: Any, references: list[str]) -> bool:
    if key in MAP_KEYWORDS:
        return isinstance(value, dict) and all(_is_node_taken(child, references) for child in value.values())
    if key in LIST_KEYWORDS:
        return isinstance(value, list) and bool(value) and all(_is_node_taken(child, references) for child in value)
    if key == "additionalProperties" and isinstance(value, bool):
        return True
    return key in SCHEMA_KEYWORDS and _is_node_taken(value, references)


def _is_node_taken(node: Any, references: list[str]) -> bool:
    return isinstance(node, dict) and all(_is_taken(key, value, node, references) for key, value in node.items())


def _is_plain_ref(node: dict[str, Any]) -> bool:
    """Tell whether Gemini resolves the node's `$ref`: nothing but `$` keywords beside it, no path of draft 7."""
    return not node["$ref"].startswith("#/definitions/") and all(key[:1] == "$" for key in node)
