"""Rules of the two schema languages: Google's OpenAPI subset and JSON Schema.

See https://ai.google.dev/gemini-api/docs/structured-output.
"""

from collections.abc import Iterator
from typing import Any

from api.gemini.emulator.errors import GoogleError, InvalidField


def check_schema(schema: dict[str, Any], path: str) -> None:
    """Raises GoogleError for the first rule that a schema of the OpenAPI subset breaks; `path` is where it stands."""
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
    """Raises GoogleError if a JSON Schema is no object or refers to a definition that it does not hold."""
    if not isinstance(schema, dict):
        raise GoogleError("The JSON schema must be an object.")
    for reference, place in _references(schema, "root"):
        if resolve(schema, reference) is None:
            raise GoogleError(f"reference to undefined schema at {place}")


def _references(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for index, entry in enumerate(node):
            yield from _references(entry, f"{place}[{index}]")
    elif isinstance(node, dict):
        for key, entry in node.items():
            if key == "$ref" and isinstance(entry, str):
                yield entry, place
            elif key not in {"enum", "const", "default", "examples"}:
                yield from _references(entry, f"{place}.{key}")


def resolve(root: dict[str, Any], reference: str) -> Any:
    """What a `$ref` inside `root` points to (a pointer, or the `$id` or `$anchor` of a definition); None if nothing."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        names = {reference, reference.removeprefix("#")}
        definitions = [root, *root.get("$defs", {}).values()]
        return next((entry for entry in definitions if {entry.get("$id"), entry.get("$anchor")} & names), None)
    node: Any = root
    for step in reference[2:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or key not in node:
            return None
        node = node[key]
    return node
