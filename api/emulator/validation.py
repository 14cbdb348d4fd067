"""Validation of request bodies against the type table, with normalisation to camelCase.

As lenient as Google's parser (camelCase or snake_case names, enums in any case, both base64 alphabets, a single value
for a repeated field, numbers as strings), as strict (unknown names, wrong types), and with its error messages.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from api.emulator.errors import GoogleError, bad_request
from api.emulator.schema import PACKAGE, Field, Table, table

MAX_DEPTH = 100
TOO_DEEP = "Invalid JSON payload received. Message too deep. Max recursion depth reached."
# The fields of Part that exclude each other: the protocol buffer oneof `data`.
PART_DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
_INTEGERS = {"int32": 31, "int64": 63}


class _KindMismatch(Exception):
    """A value does not match its kind; has the type name of Google's message, and a remark on the value."""

    def __init__(self, type_name: str, remark: str = "") -> None:
        super().__init__(type_name)
        self.type_name = type_name
        self.remark = remark


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _KindMismatch("TYPE_STRING")
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _KindMismatch("TYPE_BOOL")
    return value


def _integer(value: Any, *, kind: str) -> int:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not number.is_integer() or abs(number) > 2 ** _INTEGERS[kind]:
        raise _KindMismatch(f"TYPE_{kind.upper()}")
    return int(value) if isinstance(value, int | str) and "." not in str(value) else int(number)


def _number(value: Any, *, kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _KindMismatch(f"TYPE_{kind.upper()}")
    try:
        return float(value)
    except ValueError:
        raise _KindMismatch(f"TYPE_{kind.upper()}") from None


def _bytes(value: Any) -> str:
    """The value in base64's standard alphabet, padded."""
    text = _string(value).replace("-", "+").replace("_", "/").rstrip("=")
    text += "=" * (-len(text) % 4)
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        remark = f'Base64 decoding failed for "{_string(value)[:200]}"'
        raise _KindMismatch("TYPE_BYTES", remark) from None
    return text


def _duration(value: Any) -> str:
    if not re.fullmatch(r"-?\d+(\.\d{1,9})?s", _string(value)):
        raise _KindMismatch("type.googleapis.com/google.protobuf.Duration")
    return str(value)


def _free(value: Any) -> Any:
    """Any JSON value that is not nested without end."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for entry in level for inner in _inner(entry)]
        if not level:
            return value
    raise GoogleError(TOO_DEEP)


def _inner(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _struct(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _KindMismatch("type.googleapis.com/google.protobuf.Struct")
    return _free(value)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "bool": _bool,
    "int32": lambda value: _integer(value, kind="int32"),
    "int64": lambda value: _integer(value, kind="int64"),
    "float": lambda value: _number(value, kind="float"),
    "double": lambda value: _number(value, kind="double"),
    "bytes": _bytes,
    "duration": _duration,
    "timestamp": _string,
    "struct": _struct,
    "any": _free,
}


class _Reader:
    """Validates a message against the type table and collects every violation, because Google lists them all."""

    def __init__(self, types: Table) -> None:
        self.types = types
        self.violations: list[tuple[str, str]] = []

    def message(self, name: str, value: Any, path: str) -> dict[str, Any]:
        """A message with its fields under their camelCase names."""
        if not isinstance(value, dict):
            self.invalid(path, PACKAGE + name, value)
            return {}
        if path.count(".") > MAX_DEPTH:
            raise GoogleError(TOO_DEEP)
        fields = self.types.messages[name]
        canonical: dict[str, Any] = {}
        for key, entry in value.items():
            field = fields.get(key)
            if field is None:
                self.unknown(key, path, "Cannot find field.")
            elif entry is not None:
                canonical[field.name] = self.field(field, key, entry, path)
        if name == "Part":
            self.one_of(canonical, path)
        return canonical

    def field(self, field: Field, key: str, value: Any, path: str) -> Any:
        """The value or values of one field; `key` is its name as it was sent."""
        inner = f"{path}.{field.snake}" if path else field.snake
        if field.repeated:
            # Protocol buffer JSON as Google reads it takes a single value for a list of one.
            values = value if isinstance(value, list) else [value]
            return [self.value(field.kind, entry, f"{inner}[{index}]") for index, entry in enumerate(values)]
        if isinstance(value, list) and field.kind not in {"any", "struct"}:
            self.unknown(key, path, "Proto field is not repeating, cannot start list.")
            return None
        if isinstance(value, dict) and field.kind in _SCALARS and field.kind not in {"any", "struct"}:
            self.unknown(key, path, "Starting an object on a scalar field.")
            return None
        return self.value(field.kind, value, inner)

    def value(self, kind: str, value: Any, path: str) -> Any:
        """One value of a kind."""
        if kind.startswith("map<"):
            return self.mapping(kind[4:-1], value, path)
        if kind.startswith("enum:"):
            return self.enum(kind[5:], value, path)
        scalar = _SCALARS.get(kind)
        if scalar is None:
            return self.message(kind, value, path)
        try:
            return scalar(value)
        except _KindMismatch as mismatch:
            self.invalid(path, mismatch.type_name, value, mismatch.remark)
            return None

    def mapping(self, kind: str, value: Any, path: str) -> dict[str, Any]:
        """A map with free keys."""
        if not isinstance(value, dict):
            self.invalid(path, "Map", value)
            return {}
        entries = enumerate(value.items())
        return {key: self.value(kind, entry, f"{path}[{index}].value") for index, (key, entry) in entries}

    def enum(self, name: str, value: Any, path: str) -> str:
        """An enum's real name, from its name in any case or its number."""
        values = self.types.enums[name]
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(values):
            return list(values.values())[value]
        if not isinstance(value, str) or value.upper() not in values:
            self.invalid(path, PACKAGE + name, value)
            return ""
        return values[value.upper()]

    def one_of(self, part: dict[str, Any], path: str) -> None:
        """Report every field of the oneof `data` after the first."""
        given = [name for name in part if name in PART_DATA]
        for name in given[1:]:
            text = f"Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{name}'"
            self.violations.append((path, text))

    def unknown(self, key: str, path: str, reason: str) -> None:
        """Report an unknown name in the words of Google's JSON parser."""
        place = f" at '{path}'" if path else ""
        text = f'Invalid JSON payload received. Unknown name "{key}"{place}: {reason}'
        self.violations.append((path, text))

    def invalid(self, path: str, type_name: str, value: Any, remark: str = "") -> None:
        """Report an invalid value; `remark` replaces the quoted value."""
        shown = remark or json.dumps(value, ensure_ascii=False)[:500]
        self.violations.append((path, f"Invalid value at '{path}' ({type_name}), {shown}"))


def read(body: bytes, message: str, *, vertex: bool = False) -> dict[str, Any]:
    """The request body as a `message` of the table, in camelCase; raises GoogleError with Google's text otherwise."""
    try:
        payload = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise GoogleError(f"Invalid JSON payload received. {error}") from None
    return check(payload, message, vertex=vertex)


def check(payload: Any, message: str, *, vertex: bool = False) -> dict[str, Any]:
    """The decoded `payload` in one spelling; raises GoogleError naming everything that does not fit."""
    if not isinstance(payload, dict):
        raise GoogleError('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    reader = _Reader(table(vertex=vertex))
    canonical = reader.message(message, payload, "")
    if reader.violations:
        raise bad_request(reader.violations)
    return canonical
