"""Reads schema nodes into facts: every keyword by its meaning, including `allOf` and combined references."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from api.json.schema_references import References, inner_base
from api.translate.schema.facts import Bound, Facts, Rest, Row, Subschema, Union, is_of
from api.translate.schema.findings import Budget, Findings, rejection
from api.translate.schema.keywords import (
    PLAIN_KEYWORDS,
    SILENT_KEYWORDS,
    STANDARD_KEYWORDS,
    TYPES,
    is_names,
    is_number,
    is_plain_enum,
)
from api.translate.schema.nodes import is_false, own_types, place_of, weight


class Reader:
    """Reads nodes of one schema into facts; each node is added to the same facts once."""

    def __init__(self, root: Any, references: References, findings: Findings) -> None:
        self.findings = findings
        self.budget = Budget(len(orjson.dumps(root)), findings.param)
        self._references = references
        # Nodes made by this reader, one per source node: facts identify nodes by `id()`.
        self._made: dict[tuple[int, str], dict[str, Any]] = {}

    def gather(self, subschemas: list[Subschema]) -> Facts:
        """Return the combined facts of several nodes; the path of the first node is used for all of them."""
        facts = Facts(path=subschemas[0].path)
        for subschema in subschemas:
            self.add(facts, subschema)
        return facts

    def add(self, facts: Facts, subschema: Subschema) -> None:
        """Add the constraints of a node and of the members of its `allOf`."""
        waiting = [subschema]
        while waiting:
            node, base, path, is_inside = waiting.pop()
            if node is False or is_false(node):
                facts.is_asserted = facts.is_impossible = True
            elif not isinstance(node, dict):
                if node is not True and path is not None:
                    self.findings.dropped(path[1], path[0])
            elif node and id(node) not in facts.seen:
                facts.seen[id(node)] = None
                inside = base if is_inside else inner_base(node, base)
                waiting.extend(reversed(self._read(facts, Subschema(node, inside, path, True))))

    def made(self, origin: Any, node: dict[str, Any], subschema: Subschema) -> Subschema:
        """Return a generated node with the base and the path of `subschema`; one generated node per `origin`."""
        node = self._made.setdefault((id(origin), "anyOf" if "anyOf" in node else "value"), node)
        return Subschema(node, subschema.base, subschema.path, subschema.is_inside)

    def _read(self, facts: Facts, subschema: Subschema) -> list[Subschema]:
        """Add the node's own keywords; return the members of its `allOf`."""
        node = subschema.node
        self.budget.charge(weight(node))
        if node.get("nullable") is True and not self._is_nullable_type(node):
            return [self._or_null(subschema)]
        members: list[Subschema] = []
        for key, value in node.items():
            reader = _READERS.get(key)
            if reader is not None:
                reader(self, facts, key, value, subschema)
            elif key == "allOf":
                members = self._members(key, value, subschema)
                self.findings.converted(key)
            elif key not in SILENT_KEYWORDS:
                named = key in STANDARD_KEYWORDS
                self.findings.dropped(key if named else "non-standard keywords", subschema.path if named else None)
        return members

    def _members(self, key: str, value: Any, subschema: Subschema) -> list[Subschema]:
        """Return the schemas in a list; an empty list if the value is not a list or is empty."""
        if not isinstance(value, list) or not value:
            self.findings.dropped(key, subschema.path)
            return []
        place = (subschema.path, key)
        return [Subschema(item, subschema.base, (place, str(index))) for index, item in enumerate(value)]

    def _is_nullable_type(self, node: dict[str, Any]) -> bool:
        """Tell whether `nullable` only adds null to the node's type: no other keyword of the node concerns null."""
        return not any(key in node for key in ("enum", "const", "anyOf", "oneOf", "allOf", "$ref", "not"))

    def _or_null(self, subschema: Subschema) -> Subschema:
        """Return OpenAPI's nullable node as a union with null; the annotations stay outside the union."""
        self.findings.converted("nullable")
        inner = {key: value for key, value in subschema.node.items() if key not in ("nullable", *_ANNOTATIONS)}
        outer = {key: value for key, value in subschema.node.items() if key in _ANNOTATIONS}
        return self.made(subschema.node, {**outer, "anyOf": [inner, {"type": "null"}]}, subschema)

    # One method per kind of keyword; each takes the facts, the keyword, its value and the node.

    def plain(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read a keyword whose value is sent unchanged.

        Of several values the tightest applies, or the first one if they cannot be joined.
        """
        if isinstance(value, float) and value.is_integer() and key in _COUNTS:
            value = int(value)
            self.findings.converted(key)
        if not PLAIN_KEYWORDS[key](value):
            self.findings.dropped(key, subschema.path)
            return
        facts.is_asserted = True
        known = facts.plain.setdefault(key, value)
        if known != value:
            joined = _JOINED.get(key)
            if joined is None:
                self.findings.dropped(key, subschema.path)
            else:
                facts.plain[key] = joined(known, value)

    def annotation(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read a title, a description or a default; the outermost one describes the value."""
        if not PLAIN_KEYWORDS[key](value):
            self.findings.dropped(key, subschema.path)
        else:
            facts.annotations.setdefault(key, value)

    def types(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read `type`. Gemini's own schemas write types in capitals; an unknown type is dropped."""
        names = value if isinstance(value, list) else [value]
        known = frozenset(name.lower() for name in names if isinstance(name, str) and name.lower() in TYPES)
        if len(known) != len({name.lower() if isinstance(name, str) else id(name) for name in names}) or not known:
            self.findings.dropped(key, subschema.path)
            return
        if known != set(names) or len(known - {"null"}) > 1:
            self.findings.converted(key)
        if subschema.node.get("nullable") is True:
            self.findings.converted("nullable")
            known |= {"null"}
        facts.narrow_types(known - {"integer"} if "number" in known else known)

    def nullable(self, _facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Note `nullable`: `types` has read it already, and a node without a type allows null anyway."""
        if not isinstance(value, bool):
            self.findings.dropped(key, subschema.path)
        else:
            self.findings.converted(key)

    def enum(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read allowed values; an `enum` without a value of the node's own `type` is dropped."""
        values = value if isinstance(value, list) else []
        own = own_types(subschema.node)
        if not values or not any(is_of(item, own) for item in values):
            self.findings.dropped(key, subschema.path)
            return
        if not is_plain_enum(value, subschema.node.get("type")):
            self.findings.converted(key)
        facts.narrow_values(values, (subschema.path, key))

    def const(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read the only allowed value."""
        if not is_of(value, own_types(subschema.node)):
            self.findings.dropped(key, subschema.path)
            return
        self.findings.converted(key)
        facts.narrow_values([value], (subschema.path, key))

    def bound(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read an inclusive limit; draft 4 adds `exclusiveMinimum: true` to make it exclusive."""
        if not is_number(value):
            self.findings.dropped(key, subschema.path)
            return
        exclusive = _EXCLUSIVE[key]
        strict = subschema.node.get(exclusive) is True
        facts.narrow_bound(Bound(value, strict, (subschema.path, exclusive)), is_lower=key == "minimum")

    def exclusive_bound(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read an exclusive limit."""
        is_lower = key == "exclusiveMinimum"
        if isinstance(value, bool):
            if value and not is_number(subschema.node.get("minimum" if is_lower else "maximum")):
                self.findings.dropped(key, subschema.path)
            else:
                self.findings.converted(key)
        elif not is_number(value):
            self.findings.dropped(key, subschema.path)
        else:
            self.findings.converted(key)
            facts.narrow_bound(Bound(value, True, (subschema.path, key)), is_lower=is_lower)

    def multiple(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read `multipleOf`: 1 becomes the integer type if only numbers are allowed; Gemini supports no other value."""
        own = own_types(subschema.node)
        if is_number(value) and value == 1 and own is not None and own <= {"integer", "number", "null"}:
            self.findings.converted(key)
            facts.narrow_types(frozenset({"integer"} | (own & {"null"})))
        else:
            self.findings.dropped(key, subschema.path)

    def properties(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read the schemas of named properties."""
        facts.is_asserted = True
        if facts.properties is None:
            facts.properties = {}
        if not isinstance(value, dict):
            self.findings.dropped(key, subschema.path)
            return
        place = (subschema.path, key)
        for name, node in value.items():
            facts.properties.setdefault(name, []).append(Subschema(node, subschema.base, (place, name)))

    def required(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read the names of required properties, or the order of properties."""
        if not is_names(value):
            self.findings.dropped(key, subschema.path)
            return
        facts.is_asserted = True
        (facts.required if key == "required" else facts.ordering).update(dict.fromkeys(value))

    def other_properties(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read the schema of all properties without a schema of their own, including `patternProperties`."""
        patterns = subschema.node.get("patternProperties")
        if key == "patternProperties" and "additionalProperties" in subschema.node:
            return  # read together with additionalProperties
        if patterns is not None:
            self.findings.dropped("patternProperties", subschema.path)
            if key == "patternProperties":
                return
        facts.is_asserted = True
        names = subschema.node.get("properties")
        rest = Subschema(value, subschema.base, (subschema.path, key))
        if isinstance(patterns, dict) and patterns and value is not True:
            branches = [*patterns.values(), *([] if value is False else [value])]
            rest = self.made(patterns, {"anyOf": branches}, rest)
        facts.rests.append(Rest(frozenset(names) if isinstance(names, dict) else frozenset(), rest))

    def items(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read the items after the first ones.

        Draft 7 writes a tuple as a list here; later drafts use `prefixItems`.
        """
        facts.is_asserted = True
        if isinstance(value, list):
            if "prefixItems" in subschema.node:
                self.findings.dropped(key, subschema.path)
                return
            self.findings.converted(key)
            rest = self._subschema("additionalItems", subschema) if "additionalItems" in subschema.node else None
            facts.rows.append(Row(self._members(key, value, subschema), self._closing(rest, subschema)))
        elif "prefixItems" not in subschema.node:
            facts.rows.append(Row([], self._closing(self._subschema(key, subschema), subschema)))

    def prefix_items(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read the first items, each with its own schema."""
        facts.is_asserted = True
        rest = None if isinstance(subschema.node.get("items", []), list) else self._subschema("items", subschema)
        facts.rows.append(Row(self._members(key, value, subschema), self._closing(rest, subschema)))

    def unevaluated(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read `unevaluatedProperties` or `unevaluatedItems` as `additionalProperties` or `items`.

        Both mean the same only if no applicator keyword evaluates further properties or items; else the keyword is
        dropped.
        """
        node = subschema.node
        if value is True or value == {}:
            return
        if not _APPLICATORS.isdisjoint(node) or value is not False:
            self.findings.dropped(key, subschema.path)
        elif key == "unevaluatedItems":
            if "prefixItems" in node or "items" in node:
                return  # _closing applies it to the tuple
            facts.is_asserted = True
            facts.rows.append(Row([], self._subschema(key, subschema)))
            self.findings.converted(key)
        elif "additionalProperties" not in node:
            self.findings.converted(key)
            self.other_properties(facts, key, value, subschema)

    def union(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read the alternatives of a union."""
        branches = self._members(key, value, subschema)
        if branches:
            facts.is_asserted = True
            facts.unions.append(Union(key, branches, subschema.path))

    def reference(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read a reference, which stays one unless other keywords must be combined with it."""
        if not isinstance(value, str):
            self.findings.dropped(key, subschema.path)
            return
        target = self._references.resolve(value, subschema.base)
        if target is None:
            raise rejection(self.findings.param, f"a '{key}' points to nothing in the schema")
        if key != "$ref":
            self.findings.converted(key)
        if target.node is False or is_false(target.node):
            facts.is_asserted = facts.is_impossible = True
        elif target.node is not True:
            facts.references[id(target.node)] = Subschema(target.node, target.base, place_of(value), True)

    def negation(self, facts: Facts, key: str, value: Any, subschema: Subschema) -> None:
        """Read `not`: kept if it excludes some of the types that the node names, or nothing at all."""
        own, excluded = own_types(subschema.node), own_types(value) if isinstance(value, dict) else None
        if value is False:
            return
        is_kept = own is not None and excluded is not None and len(value) == 1 and not excluded & {"integer", "number"}
        if is_kept and own is not None and excluded is not None:
            self.findings.converted(key)
            facts.narrow_types(own - excluded)
        else:
            self.findings.dropped(key, subschema.path)

    def definitions(self, _facts: Facts, key: str, _value: Any, _subschema: Subschema) -> None:
        """Note `definitions`, the draft 7 name of `$defs`."""
        self.findings.converted(key)

    def _subschema(self, key: str, subschema: Subschema) -> Subschema:
        return Subschema(subschema.node[key], subschema.base, (subschema.path, key))

    def _closing(self, rest: Subschema | None, subschema: Subschema) -> Subschema | None:
        """Return the schema of the items after a tuple's first items, which `unevaluatedItems` can define too."""
        node = subschema.node
        if rest is None and node.get("unevaluatedItems") is False and _APPLICATORS.isdisjoint(node):
            rest = self._subschema("unevaluatedItems", subschema)
        if rest is not None and rest.path is not None and rest.node is False:
            self.findings.converted(rest.path[1])
        return rest


def _tighter(least: str) -> Callable[[Any, Any], Any]:
    return max if least.startswith("min") else min


_COUNTS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength"})
_ANNOTATIONS: Final = ("title", "description", "default")
_APPLICATORS: Final = frozenset(
    {
        "allOf",
        "anyOf",
        "oneOf",
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "if",
        "dependentSchemas",
        "patternProperties",
        "contains",
        "not",
    }
)
_EXCLUSIVE: Final = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_JOINED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    **{name: _tighter(name) for name in _COUNTS},
    "uniqueItems": lambda one, other: one or other,
}

_Read = Callable[[Reader, Facts, str, Any, Subschema], None]


def _all(names: Iterable[str], read: _Read) -> dict[str, _Read]:
    return dict.fromkeys(names, read)


_READERS: Final[dict[str, _Read]] = {
    **_all(("format", "pattern", "uniqueItems", *_COUNTS), Reader.plain),
    **_all(_ANNOTATIONS, Reader.annotation),
    **_all(("$ref", "$dynamicRef", "$recursiveRef"), Reader.reference),
    **_all(("anyOf", "oneOf"), Reader.union),
    **_all(_EXCLUSIVE, Reader.bound),
    **_all(_EXCLUSIVE.values(), Reader.exclusive_bound),
    **_all(("required", "propertyOrdering"), Reader.required),
    **_all(("additionalProperties", "patternProperties"), Reader.other_properties),
    **_all(("unevaluatedItems", "unevaluatedProperties"), Reader.unevaluated),
    "type": Reader.types,
    "nullable": Reader.nullable,
    "enum": Reader.enum,
    "const": Reader.const,
    "multipleOf": Reader.multiple,
    "properties": Reader.properties,
    "items": Reader.items,
    "additionalItems": lambda *_: None,
    "prefixItems": Reader.prefix_items,
    "not": Reader.negation,
    "definitions": Reader.definitions,
}
