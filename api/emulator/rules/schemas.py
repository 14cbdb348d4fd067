"""Rules of the two schema languages: Google's OpenAPI subset and JSON Schema.

See https://ai.google.dev/gemini-api/docs/structured-output.
"""

from collections.abc import Callable, Iterator
from typing import Any

from api.emulator.errors import GoogleError, InvalidField
from api.json.schema_references import References, inner_base

TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}
# The place of a node: the place of its parent, and the step from the parent.
_Place = tuple["_Place", str] | None


def check_schema(schema: dict[str, Any], path: str) -> None:
    """Raises GoogleError for the first rule that a schema of the OpenAPI subset breaks; `path` is the schema's path."""
    kind = schema.get("type", "")
    if kind == "ARRAY" and "items" not in schema:
        raise InvalidField(f"{path}.items", "missing field.")
    if schema.get("properties") and kind not in {"OBJECT", ""}:
        raise InvalidField(f"{path}.properties", "only allowed for OBJECT type")
    _check_enum(schema, kind, path)
    properties = schema.get("properties", {})
    for index, name in enumerate(schema.get("required", [])):
        if name not in properties:
            raise InvalidField(f"{path}.required[{index}]", "property is not defined")
    for inner, inner_path in _inner(schema, path):
        check_schema(inner, inner_path)


def _check_enum(schema: dict[str, Any], kind: str, path: str) -> None:
    values = schema.get("enum", [])
    if values and kind not in {"STRING", "INTEGER", "NUMBER"}:
        raise InvalidField(f"{path}.enum", "only allowed for STRING type")
    for index, value in enumerate(values):
        if not value:
            raise InvalidField(f"{path}.enum[{index}]", "cannot be empty")


def _inner(schema: dict[str, Any], path: str) -> Iterator[tuple[dict[str, Any], str]]:
    for name, inner in schema.get("properties", {}).items():
        yield inner, f"{path}.properties[{name}]"
    for index, inner in enumerate(schema.get("anyOf", [])):
        yield inner, f"{path}.any_of[{index}]"
    if "items" in schema:
        yield schema["items"], f"{path}.items"


def check_json_schema(schema: Any) -> None:
    """Raises GoogleError for the first rule of JSON Schema that a schema breaks.

    It is an object, its keywords have the types that Google documents, and its references lead to one of its schemas.
    """
    if not isinstance(schema, dict):
        raise GoogleError("The JSON schema must be an object.")
    references = References(schema)
    waiting: list[tuple[Any, str, _Place]] = [(schema, "", None)]
    while waiting:
        node, base, place = waiting.pop()
        if not isinstance(node, dict):
            raise GoogleError(f"Invalid JSON schema at {_shown(place)}: must be an object.")
        base = inner_base(node, base)
        for key, value in node.items():
            _check_keyword(key, value, place)
        if "$ref" in node:
            if references.resolve(node["$ref"], base) is None:
                raise GoogleError(f"reference to undefined schema at {_shown(place)}")
            if any(not key.startswith("$") and key not in {"description", "default"} for key in node):
                raise GoogleError(f"Invalid JSON schema at {_shown(place)}: $ref must stand alone.")
        waiting.extend((child, base, inner) for child, inner in _schemas(node, place))


def _check_keyword(key: str, value: Any, place: _Place) -> None:
    rule = _KEYWORDS.get(key)
    if rule is not None and not rule[0](value):
        raise GoogleError(f"Invalid JSON schema at {_shown((place, key))}: must be {rule[1]}.")


def _schemas(node: dict[str, Any], place: _Place) -> Iterator[tuple[Any, _Place]]:
    """The schemas in a node, each with its place."""
    for key, value in node.items():
        if key in {"properties", "$defs"}:
            yield from ((inner, ((place, key), name)) for name, inner in value.items())
        elif key in {"anyOf", "oneOf", "prefixItems"}:
            yield from ((inner, ((place, key), str(index))) for index, inner in enumerate(value))
        elif key == "items" or (key == "additionalProperties" and not isinstance(value, bool)):
            yield value, (place, key)


def _shown(place: _Place) -> str:
    """A place as Google writes it: `properties.a.anyOf.0`."""
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    return ".".join(reversed(steps)) or "top-level"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name.lower() in TYPES for name in names)


def _is_enum(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(item) or _is_number(item) for item in value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_TEXT = (_is_text, "a string")
_NUMBER = (_is_number, "a number")
_COUNT = (_is_count, "a count")
_NAMES = (_is_names, "a list of names")
_NAMED = (lambda value: isinstance(value, dict), "an object")
_LISTED = (lambda value: isinstance(value, list) and bool(value), "a list of schemas")
_FLAG = (lambda value: isinstance(value, bool), "true or false")
_KEYWORDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("$id", "$ref", "$anchor", "title", "description", "format", "pattern"), _TEXT),
    **dict.fromkeys(("minimum", "maximum"), _NUMBER),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), _COUNT),
    **dict.fromkeys(("required", "propertyOrdering"), _NAMES),
    **dict.fromkeys(("properties", "$defs"), _NAMED),
    **dict.fromkeys(("anyOf", "oneOf", "prefixItems"), _LISTED),
    "type": (_is_type, "one of the types of JSON Schema"),
    "enum": (_is_enum, "a list of strings or numbers"),
    "uniqueItems": _FLAG,
}
