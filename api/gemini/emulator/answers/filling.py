"""Fills a schema from a prompt: arguments of function calls, and JSON answers.

Numbers, quoted strings, names and enum values of the prompt go where their types fit; a required field that nothing
in the prompt fits gets its default or a plain value of its type. Both schema languages are read.
"""

import re
from typing import Any

from api.gemini.emulator.answers.reading import keywords, names, number, numbers, quoted
from api.schema_references import References

MAX_DEPTH = 6
# Beyond this even required fields of endlessly recursive schemas are left null.
LAST_DEPTH = 12
MAX_ITEMS = 5
WHOLE_TEXT = keywords("query text message content prompt question input expression body note search topic instruction")
ANSWERS = keywords("answer response reply explanation result output message text summary reasoning story total sum")
PLACES = keywords("location place country destination region town origin address state where") | {"city", "citie"}
NEAR = {"in", "at", "near", "for", "to", "from", "of"}
_INTEGER = re.compile(r"[0-9]{1,18}")
_FORMATS = {
    "date": (r"\d{4}-\d\d-\d\d", "2026-01-01"),
    "date-time": (r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)", "2026-01-01T12:00:00Z"),
    "time": (r"\d\d:\d\d(?::\d\d)?", "12:00:00"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.-]*\w", "emulated@example.com"),
    "uri": (r"https?://[^\s\"'<>]+", "https://example.com/emulated"),
    "uuid": (r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "00000000-0000-4000-8000-000000000000"),
}


class _Missing:
    """Nothing in the prompt fits an optional field."""


MISSING = _Missing()


def kind_of(schema: dict[str, Any]) -> str:
    """The lower-case type of a schema of either language; of several the first that is not null."""
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


class Filler:
    """One prompt being spent on one schema. `complete` fills optional fields too, as a JSON answer does.

    `answer` is the answer in words; fields that are named like one get it, or the last number in it.
    """

    def __init__(self, root: dict[str, Any], text: str, *, complete: bool, answer: str = "") -> None:
        self.root = root
        self.references = References(root)
        self.answer = answer
        self.text = text
        self.complete = complete
        self.numbers = numbers(text)
        self.quotes = quoted(text)
        self.names = names(text)

    def fill(self) -> Any:
        """A value of the root schema."""
        return self.value(self.root, "", 0, needed=True)

    def value(self, schema: Any, name: str, depth: int, *, needed: bool) -> Any:
        """A value of a schema; MISSING if it is not `needed` and nothing in the prompt fits."""
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
        """The schema without references and alternatives: of several branches the one that the prompt speaks of."""
        if depth > MAX_DEPTH or not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            target = self.references.resolve(schema["$ref"])
            return self.resolved(None if target is None else target.node, depth + 1)
        branches = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if not branches:
            return schema
        real = [entry for entry in branches if entry != {"type": "null"}]
        said = keywords(self.text)
        resolved = [self.resolved(entry, depth + 1) for entry in real[:MAX_ITEMS]]
        beside = {key: value for key, value in schema.items() if key not in {"anyOf", "oneOf", "allOf"}}
        return beside | max(resolved, key=lambda entry: len(keywords(str(entry)) & said), default={"type": "null"})

    def object(self, schema: dict[str, Any], name: str, depth: int, *, needed: bool) -> Any:
        """The properties in order; those that are neither required nor spoken of only where the answer is complete."""
        properties = schema.get("properties") or {}
        required = set(schema.get("required") or [])
        if depth > MAX_DEPTH:
            properties = {key: entry for key, entry in properties.items() if key in required}
        ordering = {key: place for place, key in enumerate(schema.get("propertyOrdering") or [])}
        filled: dict[str, Any] = {}
        for key in sorted(properties, key=lambda entry: ordering.get(entry, len(ordering))):
            entry = properties[key]
            must = key in required
            wanted = must or (self.complete and isinstance(entry, dict) and not is_nullable(entry))
            value = self.value(entry, key, depth + 1, needed=wanted)
            if not isinstance(value, _Missing):
                filled[key] = value
            elif self.complete and isinstance(entry, dict) and is_nullable(entry):
                filled[key] = None
        return filled if filled or needed else MISSING

    def array(self, schema: dict[str, Any], name: str, depth: int, *, needed: bool) -> Any:
        """What the prompt enumerates, or as many made-up items as are asked for."""
        items = schema.get("prefixItems") or schema.get("items") or {}
        if isinstance(items, list):
            return [self.value(entry, name, depth + 1, needed=True) for entry in items]
        items = self.resolved(items) if isinstance(items, dict) else {}
        least, most = int(schema.get("minItems") or 0), int(schema.get("maxItems") or MAX_ITEMS)
        found = self.found_items(items, most)
        if found or not (needed or least):
            return (
                found + [self.value(items, name, depth + 1, needed=True) for _ in range(least - len(found))] or MISSING
            )
        if depth > MAX_DEPTH:
            most = least
        asked = next((int(entry) for entry in self.numbers if isinstance(entry, int) and 0 < entry <= MAX_ITEMS), 0)
        count = max(least, min(most, asked or len(self.names) or (2 if self.complete else 1)))
        return [self.value(items, f"{name} {index + 1}", depth + 1, needed=True) for index in range(count)]

    def found_items(self, items: dict[str, Any], most: int) -> list[Any]:
        """Plain items that stand in the prompt: all its numbers, or all its names, or else all that it quotes."""
        kind = kind_of(items)
        if items.get("enum") or kind not in {"string", "integer", "number"}:
            return []
        if kind == "string":
            found: list[Any] = [entry for entry, _ in self.names[:most]] or self.quotes[:most]
            if self.names:
                self.names = self.names[most:]
            else:
                self.quotes = self.quotes[most:]
            return found
        found = [entry for entry in self.numbers if kind == "number" or isinstance(entry, int)][:most]
        self.numbers = [entry for entry in self.numbers if entry not in found]
        return found

    def enum(self, schema: dict[str, Any], *, needed: bool) -> Any:
        """The value that the prompt mentions first, else the default, else the first."""
        said = self.text.lower()
        places = {
            value: match.start()
            for value in schema["enum"]
            if (match := re.search(rf"(?<!\w){re.escape(str(value).lower().replace('_', ' '))}(?!\w)", said))
            or (match := re.search(rf"(?<!\w){re.escape(str(value).lower())}(?!\w)", said))
        }
        if places:
            return min(places, key=lambda value: places[value])
        if not needed:
            return MISSING
        value = schema.get("default", schema["enum"][0])
        return int(value) if kind_of(schema) == "integer" and _INTEGER.fullmatch(str(value)) else value

    def number(self, schema: dict[str, Any], name: str, _depth: int, *, needed: bool) -> Any:
        """A number in range: the answer, one that stands beside its name, or the next unused one."""
        whole = kind_of(schema) == "integer"
        value = (
            self.answered_number(name)
            or self.labelled_number(name)
            or next((n for n in self.numbers if not whole or isinstance(n, int)), None)
        )
        if value is None:
            if not needed:
                return MISSING
            default = schema.get("default")
            value = (isinstance(default, int | float) and default) or 1
        elif value in self.numbers:
            self.numbers.remove(value)
        low, high = schema.get("minimum"), schema.get("maximum")
        value = max(value, low) if low is not None else value
        value = min(value, high) if high is not None else value
        return int(value) if whole else value

    def answered_number(self, name: str) -> int | float | None:
        found = numbers(self.answer) if keywords(name) & ANSWERS else []
        return found[-1] if found else None

    def labelled_number(self, name: str) -> int | float | None:
        """A number that stands right beside the field's name: "3 days", "age 36", "36 years old"."""
        label = "|".join(re.escape(word) for word in {*keywords(name), *({"year"} if "age" in name.lower() else ())})
        if not label:
            return None
        numeral = r"(-?\d[\d.]*)"
        pattern = rf"{numeral}\s+(?:{label})\w*|\b(?:{label})\w*\W{{0,4}}(?:is|of|to)?\s*{numeral}"
        found = re.search(pattern, self.text, re.I)
        return number((found[1] or found[2]).rstrip(".")) if found else None

    def boolean(self, schema: dict[str, Any], name: str, _depth: int, *, needed: bool) -> Any:
        if keywords(name) & keywords(self.text):
            return not re.search(r"\b(no|not|without|never|don't|disable[d]?|off|false)\b", self.text, re.I)
        return bool(schema.get("default", False)) if needed else MISSING

    def string(self, schema: dict[str, Any], name: str, _depth: int, *, needed: bool) -> Any:
        """A text by its format, its label in the prompt, or the next unused quote or name."""
        value = self.formatted(schema) or self.labelled(name) or self.from_supply(name, needed=needed)
        if not value:
            if not needed:
                return MISSING
            value = str(schema.get("default") or schema.get("example") or self.made_up(name))
        least, most = int(schema.get("minLength") or 0), int(schema.get("maxLength") or len(value))
        return value.ljust(least, ".")[: max(most, least)]

    def formatted(self, schema: dict[str, Any]) -> str:
        pattern, default = _FORMATS.get(schema.get("format", ""), ("", ""))
        found = re.search(pattern, self.text) if pattern else None
        return found[0] if found else default

    def labelled(self, name: str) -> str:
        """What the prompt says the field is: "name: Ada", "the title is Dune", "called Dune"."""
        label = re.escape(" ".join(re.findall(r"[^\W_]+", name)))
        found = label and re.search(rf"\b{label}\s*(?:is|=|:|named|called)\s*([^\s,;.!?\"“]+)", self.text, re.I)
        if not found:
            return ""
        full = next((entry for entry, _ in self.names if entry.startswith(found[1])), found[1])
        self.names = [entry for entry in self.names if entry[0] != full]
        return full

    def from_supply(self, name: str, *, needed: bool) -> str:
        """The next text that fits the name of a field; "" if there is none."""
        about = keywords(name)
        if self.answer and about & ANSWERS:
            return self.answer
        if self.quotes:
            return self.quotes.pop(0)
        if needed and about & WHOLE_TEXT and not self.complete:
            return self.text.strip()
        name_found = self.take_name(about, name.lower())
        if name_found or not about & PLACES:
            return name_found
        found = re.search(r"\b(?:in|at|near|for|to|from)\s+((?!the\b|a\b|me\b)[^\W\d_]{3,})", self.text)
        return found[1] if found else ""

    def take_name(self, about: set[str], name: str) -> str:
        """The next unused name, preferably one introduced by the field's own word or, for places, by "in" or "to"."""
        wanted = {"from"} if {"origin", "from"} & {*about, name} else {"to"} if {"destination", "to"} & about else NEAR
        place = bool(about & PLACES)
        ranked = [entry for entry in self.names if (entry[1] in wanted) == place] or self.names
        if not ranked:
            return ""
        taken = ranked[0]
        self.names.remove(taken)
        return taken[0]

    def made_up(self, name: str) -> str:
        if self.complete:
            return f"emulated {name.replace('_', ' ')}".strip()
        return self.text.strip() or "emulated"
