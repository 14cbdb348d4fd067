"""The keywords of JSON Schema by Gemini's support for them, and checks of their values.

Sources: https://ai.google.dev/api/generate-content#generationconfig (`responseJsonSchema`), and recorded requests whose
schemas Gemini accepted with `default`, `minLength`, `maxLength`, `pattern` and `uniqueItems`.
"""

import math
from collections.abc import Callable
from typing import Any, Final

TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
# Google's counts are 64-bit integers.
_MAX_COUNT: Final = 2**63 - 1


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_count(value: Any) -> bool:
    """Tell whether a value is a non-negative 64-bit integer."""
    return type(value) is int and 0 <= value <= _MAX_COUNT


def is_text(value: Any) -> bool:
    """Tell whether a value is a string."""
    return isinstance(value, str)


def is_names(value: Any) -> bool:
    """Tell whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def is_flag(value: Any) -> bool:
    """Tell whether a value is a boolean."""
    return isinstance(value, bool)


def is_plain_type(value: Any) -> bool:
    """Tell whether `type` names exactly one type of JSON Schema, optionally with null (rule 43)."""
    if isinstance(value, str):
        return value in TYPES
    return (
        isinstance(value, list)
        and all(isinstance(item, str) and item in TYPES for item in value)
        and len([item for item in value if item != "null"]) == 1
    )


def is_plain_enum(values: Any, kind: Any) -> bool:
    """Tell whether an `enum` agrees with `type` and has only strings or only numbers, as Gemini documents."""
    if not isinstance(values, list) or not values:
        return False
    name = next((item for item in kind if item != "null"), "null") if isinstance(kind, list) else kind
    if all(isinstance(value, str) for value in values):
        return name in ("string", None)
    if not all(is_number(value) for value in values):
        return False
    return name in ("number", None) or (name == "integer" and all(type(value) is int for value in values))


# Keywords that Gemini accepts if their value is well-formed.
PLAIN_KEYWORDS: Final[dict[str, Callable[[Any], bool]]] = {
    "$ref": is_text,
    "$anchor": is_text,
    "type": is_plain_type,
    "format": is_text,
    "title": is_text,
    "description": is_text,
    "minItems": is_count,
    "maxItems": is_count,
    "minimum": is_number,
    "maximum": is_number,
    "minLength": is_count,
    "maxLength": is_count,
    "pattern": is_text,
    "uniqueItems": is_flag,
    "default": lambda _value: True,
    "required": is_names,
    "propertyOrdering": is_names,
}

# Keywords that Gemini accepts and that hold a list of schemas, or named schemas.
LIST_KEYWORDS: Final = frozenset({"anyOf", "oneOf", "prefixItems"})
MAP_KEYWORDS: Final = frozenset({"properties", "$defs"})

# Keywords without a constraint on the value, dropped without a note. `$defs` and anchors are among them, because
# `definitions` rewrites each referenced node.
SILENT_KEYWORDS: Final = frozenset(
    {"$schema", "$comment", "$vocabulary", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$defs"}
)

# Keywords that a note may name when they are dropped; a client's invented keywords must not enter a response header.
STANDARD_KEYWORDS: Final = frozenset(
    {
        "contains",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "deprecated",
        "discriminator",
        "else",
        "example",
        "examples",
        "externalDocs",
        "if",
        "maxContains",
        "maxProperties",
        "minContains",
        "minProperties",
        "propertyNames",
        "readOnly",
        "then",
        "writeOnly",
        "xml",
    }
)
