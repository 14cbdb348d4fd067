"""The compact table of Google's types (`schema.json`), read once: fields by either spelling, enums by any case."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta."


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a message. `name` is the camelCase name, `kind` the type of one value, as in the table."""

    name: str
    snake: str
    kind: str
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Messages (every accepted spelling of a field's name to its field) and enums (upper-case name to the real one)."""

    messages: dict[str, dict[str, Field]]
    enums: dict[str, dict[str, str]]


def snake_case(name: str) -> str:
    """The protocol buffer name of a camelCase JSON name: `inlineData` is `inline_data`."""
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def _fields(kinds: dict[str, str]) -> dict[str, Field]:
    fields = {}
    for name, kind in kinds.items():
        field = Field(name=name, snake=snake_case(name), kind=kind.removeprefix("[]"), repeated=kind.startswith("[]"))
        fields[name] = fields[field.snake] = field
    return fields


@cache
def table(*, vertex: bool = False) -> Table:
    """The table of the Gemini API, or of Vertex AI with the few names that only it knows."""
    raw = json.loads(Path(__file__).with_name("schema.json").read_text("utf-8"))
    types = raw["types"]
    if vertex:
        types = {name: fields | raw["vertex"].get(name, {}) for name, fields in types.items()}
    return Table(
        messages={name: _fields(fields) for name, fields in types.items()},
        enums={name: {value.upper(): value for value in values} for name, values in raw["enums"].items()},
    )
