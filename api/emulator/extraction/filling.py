"""Filling of a schema from a prompt: arguments of function calls, and JSON output.

Values of the prompt (`supply.py`) go to matching fields. A required field without a match gets its default or a plain
value of its type, and is listed in `Filler.invented`. Both schema languages are supported.
"""

import re
from typing import Any

from api.emulator.extraction.enums import chosen, mentioned
from api.emulator.extraction.patterns import COLOUR, EMAIL
from api.emulator.extraction.reading import keywords, meanings
from api.emulator.extraction.records import clauses, enumerated, listed, records
from api.emulator.extraction.supply import Supply, field_of
from api.json.schema_references import References

MAX_DEPTH = 6
# Below this depth even required fields of recursive schemas are null.
LAST_DEPTH = 12
MAX_ITEMS = 5
MAX_FOUND = 20
POINTS = keywords("points highlights reasons takeaways facts keywords tags")
_INTEGER = re.compile(r"[0-9]{1,18}")
_FORMATS = {
    "date": (r"\d{4}-\d\d-\d\d", "2026-01-01"),
    "date-time": (r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)", "2026-01-01T12:00:00Z"),
    "time": (r"\d\d:\d\d(?::\d\d)?", "12:00:00"),
    "email": (EMAIL.pattern, "emulated@example.com"),
    "uri": (r"https?://[^\s\"'<>]+", "https://example.com/emulated"),
    "uuid": (r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "00000000-0000-4000-8000-000000000000"),
}


class _Missing:
    """The marker of an optional field without a match in the prompt."""


MISSING = _Missing()


def kind_of(schema: dict[str, Any]) -> str:
    """Return the lower-case type of a schema of either language; of several types the first except null."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((entry for entry in kind if entry != "null"), "null")
    if not kind:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind).lower()


def is_nullable(schema: dict[str, Any]) -> bool:
    """Whether null is among the allowed values."""
    branches = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    kinds = schema.get("type")
    return bool(schema.get("nullable")) or (isinstance(kinds, list) and "null" in kinds) or {"type": "null"} in branches


def is_flat(schema: Any) -> bool:
    """Whether the schema describes a single value, not an object or an array."""
    return isinstance(schema, dict) and "type" in schema and kind_of(schema) not in {"object", "array"}


class Filler:
    """One schema filled from one prompt. `complete` fills optional fields too, as JSON output does.

    `output` is the text output. `context` is a wider text than `text`, for unambiguous values. `eager` leaves no field
    empty. After `fill`, `invented` names the fields with generated values.
    """

    def __init__(
        self,
        root: dict[str, Any],
        text: str,
        *,
        complete: bool = False,
        eager: bool = False,
        output: str = "",
        context: str = "",
    ) -> None:
        self.root = root
        self.references = References(root)
        self.eager = eager
        self.output = output
        self.text = text
        self.context = context
        self.complete = complete
        self.supply = Supply(text, output=output, context=context)
        self.words = meanings(text)
        self.beside: set[str] = set()
        self.invented: list[str] = []

    def fill(self) -> Any:
        """Return a value of the root schema."""
        return self.value(self.root, "", 0, needed=True)

    def value(self, schema: Any, name: str, depth: int, *, needed: bool) -> Any:
        """Return a value of a schema; MISSING if it is not `needed` and the prompt has no match."""
        if not isinstance(schema, dict):
            return f"emulated {name}".strip() if needed else MISSING
        if depth > LAST_DEPTH or (depth > MAX_DEPTH and is_nullable(schema)):
            return None
        schema = self.resolved(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self.enum(schema, needed=needed)
        fillers = {
            "object": self.object,
            "array": self.array,
            "integer": self.number,
            "number": self.number,
            "boolean": self.boolean,
            "null": lambda *_, **__: None,
        }
        return fillers.get(kind_of(schema), self.string)(schema, name, depth, needed=needed)

    def resolved(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """Return the schema without references and alternatives; of several branches the best match of the prompt."""
        if depth > MAX_DEPTH or not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            target = self.references.resolve(schema["$ref"])
            return self.resolved(None if target is None else target.node, depth + 1)
        branches = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if not branches:
            return schema
        real = [entry for entry in branches if entry != {"type": "null"}]
        resolved = [self.resolved(entry, depth + 1) for entry in real[:MAX_ITEMS]]
        best = max(resolved, key=self.rank) if len(resolved) > 1 else (resolved or [{"type": "null"}])[0]
        beside = {key: value for key, value in schema.items() if key not in {"anyOf", "oneOf", "allOf"}}
        return beside | best

    def rank(self, schema: dict[str, Any]) -> tuple[int, int]:
        """Return a branch's rank: its matches in the prompt, then the negated number of generated fields."""
        hits = len(keywords(str(schema)) & self.words)
        if not schema.get("properties"):
            return hits, 0
        flat = {key: entry for key, entry in schema["properties"].items() if is_flat(entry)}
        trial = Filler({"type": "object", "properties": flat, "required": list(flat)}, self.text, complete=True)
        trial.fill()
        return hits, -len(trial.invented)

    def object(self, schema: dict[str, Any], name: str, depth: int, *, needed: bool) -> Any:
        """Return the properties in order; an optional property without a match only if `complete` is set."""
        properties = schema.get("properties") or {}
        required = set(schema.get("required") or [])
        if depth > MAX_DEPTH:
            properties = {key: entry for key, entry in properties.items() if key in required}
        ordering = {key: place for place, key in enumerate(schema.get("propertyOrdering") or [])}
        around, self.beside = self.beside, {word for key in properties for word in keywords(key)}
        filled: dict[str, Any] = {}
        for key in sorted(properties, key=lambda entry: ordering.get(entry, len(ordering))):
            entry = properties[key]
            nullable = isinstance(entry, dict) and is_nullable(entry)
            needing = self.eager or (not nullable and (self.complete or key in required))
            value = self.value(entry, key, depth + 1, needed=needing)
            if not isinstance(value, _Missing):
                filled[key] = value
            elif nullable and (self.complete or key in required):
                filled[key] = None
        self.beside = around
        return filled if filled or needed else MISSING

    def array(self, schema: dict[str, Any], name: str, depth: int, *, needed: bool) -> Any:
        """Return the enumeration in the prompt, or generated items in the requested number."""
        items = schema.get("prefixItems") or schema.get("items") or {}
        if isinstance(items, list):
            return [self.value(entry, name, depth + 1, needed=True) for entry in items]
        items = self.resolved(items) if isinstance(items, dict) else {}
        least, most = int(schema.get("minItems") or 0), int(schema.get("maxItems") or MAX_FOUND)
        found = self.found_items(items, name, most, depth)
        if found or not (needed or least):
            return (
                found + [self.value(items, name, depth + 1, needed=True) for _ in range(least - len(found))] or MISSING
            )
        if depth > MAX_DEPTH:
            most = least
        supply = self.supply
        requested_count = next(
            (int(entry) for entry in supply.numbers if isinstance(entry, int) and 0 < entry <= MAX_ITEMS), 0
        )
        count = max(
            least, min(most, requested_count or min(MAX_ITEMS, len(supply.names)) or (2 if self.complete else 1))
        )
        return [self.value(items, f"{name} {index + 1}", depth + 1, needed=True) for index in range(count)]

    def found_items(self, items: dict[str, Any], name: str, most: int, depth: int) -> list[Any]:
        """Return the items of the prompt: one object per record, or all numbers, names or quotes."""
        kind = kind_of(items)
        if kind == "object":
            return [self.record(items, text, depth) for text in records(self.text)[:most]]
        if isinstance(items.get("enum"), list):
            return mentioned(items["enum"], self.text)[:most]
        if kind == "string":
            return self.found_texts(name, most)
        if kind not in {"integer", "number"}:
            return []
        supply = self.supply
        found = [entry for entry in supply.numbers if kind == "number" or isinstance(entry, int)][:most]
        supply.numbers = [entry for entry in supply.numbers if entry not in found]
        return found

    def record(self, items: dict[str, Any], text: str, depth: int) -> Any:
        """Return an item with values from one record of the prompt."""
        if depth > MAX_DEPTH:
            return self.value(items, "", depth + 1, needed=True)
        inner = Filler(self.root, text, complete=self.complete)
        return inner.value(items, "", depth + 1, needed=True)

    def found_texts(self, name: str, most: int) -> list[str]:
        """Return the texts of a list: addresses or colours by the list's name, clauses, names or quotes."""
        about = keywords(name)
        supply = self.supply
        if about & POINTS:
            return clauses(supply.quotes[0] if supply.quotes else self.text)[:most]
        if colours := COLOUR.findall(self.text) if about & {"color", "colour"} else []:
            return colours[:most]
        if emails := EMAIL.findall(self.text):
            return list(emails[:most])
        found = [entry for entry, _ in supply.names[:most]] or supply.quotes[:most]
        if supply.names:
            supply.names = supply.names[most:]
        else:
            supply.quotes = supply.quotes[most:]
        return found or listed(self.output)[:most] or enumerated(self.text)[:most]

    def enum(self, schema: dict[str, Any], *, needed: bool) -> Any:
        """Return the value that the prompt mentions, else the default, else the first value."""
        value = chosen(schema["enum"], self.text, self.context)
        if value is None:
            if not needed:
                return MISSING
            value = schema.get("default", schema["enum"][0])
        return int(value) if kind_of(schema) == "integer" and _INTEGER.fullmatch(str(value)) else value

    def number(self, schema: dict[str, Any], name: str, _depth: int, *, needed: bool) -> Any:
        """Return a number in range: from the text output, next to the field's name, or the next unused number."""
        whole = kind_of(schema) == "integer"
        value = self.supply.number(field_of(name, schema, self.beside), whole=whole)
        if value is None:
            if not needed:
                return MISSING
            self.invented.append(name)
            default = schema.get("default")
            value = (isinstance(default, int | float) and default) or 1
        low, high = schema.get("minimum"), schema.get("maximum")
        value = max(value, low) if low is not None else value
        value = min(value, high) if high is not None else value
        return int(value) if whole else value

    def boolean(self, schema: dict[str, Any], name: str, _depth: int, *, needed: bool) -> Any:
        """Return true if the prompt mentions the field without a negation."""
        if keywords(name) & self.words:
            return not re.search(r"\b(no|not|without|never|don't|disable[d]?|off|false)\b", self.text, re.I)
        return bool(schema.get("default", False)) if needed else MISSING

    def string(self, schema: dict[str, Any], name: str, _depth: int, *, needed: bool) -> Any:
        """Return a text by the format, the kind of field, the label in the prompt, or the next unused quote or name."""
        value = self.formatted(schema)
        if not value and schema.get("format") not in _FORMATS:
            value = self.supply.string(field_of(name, schema, self.beside), needed=needed, complete=self.complete)
        if not value:
            if not needed:
                return MISSING
            self.invented.append(name)
            value = str(schema.get("default") or schema.get("example") or self.made_up(schema, name))
        least, most = int(schema.get("minLength") or 0), int(schema.get("maxLength") or len(value))
        return value.ljust(least, ".")[: max(most, least)]

    def formatted(self, schema: dict[str, Any]) -> str:
        """Return the first text of the prompt in the schema's `format`."""
        pattern, _ = _FORMATS.get(schema.get("format", ""), ("", ""))
        found = re.search(pattern, self.text) if pattern else None
        return found[0] if found else ""

    def made_up(self, schema: dict[str, Any], name: str) -> str:
        """Return a value for a field without a match in the prompt."""
        _, default = _FORMATS.get(schema.get("format", ""), ("", ""))
        if default or self.complete:
            return default or f"emulated {name.replace('_', ' ')}".strip()
        return self.text.strip() or "emulated"
