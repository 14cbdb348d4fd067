"""Decides whether Gemini accepts a schema unchanged, so that the client's own object can be sent."""

from collections.abc import Callable
from typing import Any, Final

from api.translate.schema.keywords import (
    LIST_KEYWORDS,
    MAP_KEYWORDS,
    PLAIN_KEYWORDS,
    TYPES,
    is_flag,
    is_plain_enum,
    is_plain_type,
    is_text,
)


def is_accepted(root: Any, references: list[str]) -> bool:
    """Tell whether Gemini accepts this schema unchanged; append each `$ref` to `references`.

    A schema with an `$id` below its root is not accepted: references inside that node resolve against the `$id`.
    """
    if "$id" not in root:
        return _is_accepted(root, references)
    inner = {key: value for key, value in root.items() if key != "$id"}
    return isinstance(root["$id"], str) and _is_accepted(inner, references)


def _is_accepted(node: Any, references: list[str]) -> bool:
    """Tell whether Gemini accepts this node and its descendants unchanged."""
    if node.__class__ is not dict:
        return False
    for key, value in node.items():
        kind = _OF_ONE_CLASS.get(key)
        if kind is not None:
            if value.__class__ is not kind:
                return False
            continue
        check = _CHECKS.get(key)
        if check is None or not check(value, node, references):
            return False
    return True


def _is_type_accepted(value: Any, _node: dict[str, Any], _references: list[str]) -> bool:
    return value in TYPES if value.__class__ is str else is_plain_type(value)


def _is_map_accepted(value: Any, _node: dict[str, Any], references: list[str]) -> bool:
    return value.__class__ is dict and all(_is_accepted(child, references) for child in value.values())


def _is_list_accepted(value: Any, _node: dict[str, Any], references: list[str]) -> bool:
    return value.__class__ is list and bool(value) and all(_is_accepted(child, references) for child in value)


def _is_reference_accepted(value: Any, node: dict[str, Any], references: list[str]) -> bool:
    """Tell whether Gemini resolves a `$ref`: no draft 7 path, and only keywords with `$` beside it."""
    references.append(value)
    return value.__class__ is str and not value.startswith("#/definitions/") and all(key[:1] == "$" for key in node)


_Check = Callable[[Any, dict[str, Any], list[str]], bool]


def _well_formed(is_well_formed: Callable[[Any], bool]) -> _Check:
    return lambda value, _node, _references: is_well_formed(value)


_OF_ONE_CLASS: Final[dict[str, type]] = {
    **{key: str for key, check in PLAIN_KEYWORDS.items() if check is is_text and key != "$ref"},
    **{key: bool for key, check in PLAIN_KEYWORDS.items() if check is is_flag},
}
_CHECKS: Final[dict[str, _Check]] = {
    **{key: _well_formed(check) for key, check in PLAIN_KEYWORDS.items() if key not in _OF_ONE_CLASS},
    **dict.fromkeys(MAP_KEYWORDS, _is_map_accepted),
    **dict.fromkeys(LIST_KEYWORDS, _is_list_accepted),
    "$ref": _is_reference_accepted,
    "type": _is_type_accepted,
    "enum": lambda value, node, _references: is_plain_enum(value, node.get("type")),
    "items": lambda value, _node, references: _is_accepted(value, references),
    "additionalProperties": lambda value, _node, references: value.__class__ is bool or _is_accepted(value, references),
}
