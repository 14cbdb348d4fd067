"""Where the `$ref`s of a JSON Schema lead (RFC 6901 within the schema itself)."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from api.errors import InvalidRequestError


def check_references(references: Iterable[str], schema: Mapping[str, Any], *, param: str) -> None:
    """Refuse a schema with a `$ref` to nothing: Gemini refuses it too, and does not say which parameter was wrong.

    Names by `$anchor` and addresses within a schema that has an `$id` are left to Gemini. Raises InvalidRequestError.
    """
    for reference in dict.fromkeys(references):
        if reference.startswith("#/"):
            found = isinstance(_target(reference, schema), dict)
        else:
            found = reference.startswith("#") or _has_id(schema)
        if not found:
            raise InvalidRequestError(
                f"Invalid schema for '{param}': a '$ref' leads to nothing that the schema holds.",
                param=param,
                code="invalid_function_parameters" if param.endswith("parameters") else "invalid_json_schema",
            )


def _target(pointer: str, schema: Mapping[str, Any]) -> Any:
    target: Any = schema
    for step in pointer.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(target, dict):
            target = target.get(name)
        elif isinstance(target, list) and name.isdecimal() and int(name) < len(target):
            target = target[int(name)]
        else:
            return None
    return target


def _has_id(schema: Mapping[str, Any]) -> bool:
    definitions = schema.get("$defs")
    inner = definitions.values() if isinstance(definitions, dict) else ()
    return any(isinstance(node, dict) and "$id" in node for node in (schema, *inner))
