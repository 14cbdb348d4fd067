"""Writes facts as schemas in Gemini's keywords."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from api.json.schema_references import References
from api.translate.schema.containers import array_keywords, object_keywords
from api.translate.schema.definitions import Definitions, reference_to
from api.translate.schema.facts import Bound, Facts, Subschema, is_of, type_of
from api.translate.schema.findings import Findings, rejection
from api.translate.schema.reading import Reader

Written = dict[str, Any]

# Limit of nesting: expanded references can nest deeper than the client's schema, and orjson writes at most 254 levels.
_MAX_DEPTH: Final = 48
# Maximum number of branches in the product of several unions at one path.
_MAX_PRODUCT: Final = 128
# Maximum number of objects or arrays in an `enum`, each of which is written as a schema.
_MAX_LITERALS: Final = 128
_ORDER: Final = ("string", "integer", "number", "boolean", "array", "object", "null")


class _Kind(NamedTuple):
    """One branch at a path: its type (None: any type), its allowed values, and whether null is allowed too."""

    type: str | None
    values: list[Any] | None = None
    nullable: bool = False


@dataclass(slots=True)
class _Expansion:
    """References combined with other keywords: written once, and named if the same combination occurs again."""

    name: str | None = None
    is_done: bool = False
    written: Written | None = None


class Writer:
    """Rewrites one schema."""

    def __init__(self, root: Mapping[str, Any], findings: Findings) -> None:
        self._root = root
        self._findings = findings
        self._definitions = Definitions(root, findings)
        self._reader = Reader(root, References(root), findings)
        self._expansions: dict[frozenset[int], _Expansion] = {}
        self._literals: set[int] = set()
        self._depth = 0

    def whole(self) -> Written:
        """Return the root and the definitions that its references need."""
        definitions = self._definitions
        written = self.schema([Subschema(self._root, "", None)])
        if written is None:
            raise rejection(self._findings.param, "no value is valid")
        while definitions.waiting:
            name, subschema = definitions.waiting.pop()
            definition = self.schema([subschema])
            if definition is None:
                self._findings.dropped("false", subschema.path)
            definitions.written[name] = definition or {}
        definitions.break_circles()
        return {**written, "$defs": definitions.written} if definitions.written else written

    def schema(self, subschemas: list[Subschema]) -> Written | None:
        """Return one schema that combines these nodes; None if no value matches all of them."""
        return self._finished(self._reader.gather(subschemas)) if subschemas else {}

    def _finished(self, facts: Facts) -> Written | None:
        """Write facts; a lone reference is kept, other references are expanded first."""
        if self._depth >= _MAX_DEPTH:
            self._findings.dropped(f"levels beyond {_MAX_DEPTH}", None)
            return {}
        self._depth += 1
        try:
            if not facts.references or facts.is_impossible:
                return self._written(facts)
            if len(facts.references) == 1 and not facts.is_asserted:
                [subschema] = facts.references.values()
                return self._described(self._definitions.reference(subschema), facts)
            return self._expanded(facts)
        finally:
            self._depth -= 1

    def _expanded(self, facts: Facts) -> Written | None:
        """Combine references with their sibling keywords; each combination is written once, so that recursion ends."""
        self._findings.converted("$ref")
        key = frozenset((*facts.seen, *facts.references))
        expansion = self._expansions.get(key)
        if expansion is not None:
            return self._again(expansion)
        expansion = self._expansions[key] = _Expansion()
        while facts.references:
            self._reader.add(facts, facts.references.pop(next(iter(facts.references))))
        expansion.written, expansion.is_done = self._written(facts), True
        return self._again(expansion) if expansion.name is not None else expansion.written

    def _again(self, expansion: _Expansion) -> Written | None:
        """Return a reference to a combination that occurs more than once."""
        if expansion.is_done and expansion.written is None:
            return None
        if expansion.name is None:
            expansion.name = self._definitions.new_name("combined")
            self._definitions.written[expansion.name] = {}
        if expansion.is_done and expansion.written is not None:
            self._definitions.written[expansion.name] = expansion.written
        return reference_to(expansion.name)

    def _described(self, written: Written, facts: Facts) -> Written:
        """Add the annotations to a schema.

        Gemini allows no keywords beside a `$ref`, so an `anyOf` wraps the `$ref`.
        """
        if not facts.annotations:
            return written
        if "$ref" in written:
            self._findings.converted("$ref")
            written = {"anyOf": [written]}
        return {**written, **facts.annotations}

    def _written(self, facts: Facts) -> Written | None:
        """Write facts without references."""
        if facts.is_impossible:
            return None
        kinds = self._kinds(facts)
        keywords = Counter(union.keyword for union in facts.unions)
        if facts.unions and (len(kinds) > 1 or max(keywords.values()) > 1):
            written = self._multiplied(facts)
        else:
            written = self._joined([self._branch(facts, kind) for kind in kinds])
            for union in facts.unions:
                branches = [self.schema([branch]) for branch in union.branches]
                possible = [branch for branch in branches if branch is not None]
                if written is None or not possible:
                    return None
                written = possible[0] if not written and len(possible) == 1 else {**written, union.keyword: possible}
        return None if written is None else self._described(written, facts)

    def _joined(self, branches: list[Written | None]) -> Written | None:
        possible = [branch for branch in branches if branch is not None]
        if len(possible) > 1:
            return {"anyOf": possible}
        return possible[0] if possible else None

    def _multiplied(self, facts: Facts) -> Written | None:
        """Write all constraints outside a union into each of its branches, including further unions."""
        unions = [facts.unions[0]]
        product = len(facts.unions[0].branches)
        for union in facts.unions[1:]:
            product *= len(union.branches)
            if product > _MAX_PRODUCT:
                self._findings.dropped(union.keyword, union.path)
            else:
                unions.append(union)
        first, rest = unions[0], facts.copy()
        rest.unions, rest.annotations = unions[1:], {}
        size = rest.size
        branches: list[Written] = []
        for subschema in first.branches:
            self._reader.budget.charge(size)
            own = rest.copy()
            self._reader.add(own, subschema)
            written = self._finished(own)
            if written is None:
                continue
            if first.keyword == "anyOf" and written.keys() == {"anyOf"}:
                branches.extend(written["anyOf"])
            else:
                branches.append(written)
        if len(branches) > 1:
            return {first.keyword: branches}
        return branches[0] if branches else None

    def _kinds(self, facts: Facts) -> list[_Kind]:
        """Return one branch per type: Gemini allows one type in a schema, optionally with null."""
        if facts.values is not None:
            return self._kinds_of_values(facts)
        if facts.types is None:
            return [_Kind(None)]
        names = [name for name in _ORDER if name in facts.types]
        if len(names) == 2 and names[1] == "null":
            return [_Kind(names[0], nullable=True)]
        return [_Kind(name) for name in names]

    def _kinds_of_values(self, facts: Facts) -> list[_Kind]:
        """Return the allowed values grouped by type; each object and each array is a branch of its own."""
        kinds = []
        for name, values in _by_type(facts).items():
            if name not in ("array", "object"):
                kinds.append(_Kind(name, None if name == "null" else values))
            elif len(values) <= _MAX_LITERALS:
                kinds += [_Kind(name, [value]) for value in values]
            else:
                self._drop_values(facts)
                kinds.append(_Kind(name))
        if len(kinds) == 1 and facts.types is None and kinds[0].type in ("string", "integer", "number"):
            return [_Kind(None, kinds[0].values)]
        return kinds

    def _drop_values(self, facts: Facts) -> None:
        """Note that the values of an `enum` or a `const` are left out."""
        if facts.values_path is not None:
            place, keyword = facts.values_path
            self._findings.dropped(keyword, place)

    def _branch(self, facts: Facts, kind: _Kind) -> Written | None:
        """Write the constraints on values of one type."""
        if kind.type in ("array", "object") and kind.values is not None:
            return self._literal(facts, kind.values[0])
        out: Written = {}
        if kind.type is not None:
            out["type"] = [kind.type, "null"] if kind.nullable else kind.type
        if kind.type == "boolean" and kind.values is not None:
            if len(kind.values) == 1:
                self._drop_values(facts)
        elif kind.values is not None:
            out["enum"] = kind.values
        out |= self._scalar_keywords(facts, kind)
        if kind.type in (None, "array"):
            out |= array_keywords(facts, self.schema, self._reader.budget)
        if kind.type not in (None, "object"):
            return out
        named = object_keywords(facts, self.schema, self._findings, self._reader.budget)
        if named is None and kind.type == "object":
            return {"type": "null"} if kind.nullable else None
        if named is None:
            self._findings.dropped("required", facts.path)
        return out | (named or {})

    def _scalar_keywords(self, facts: Facts, kind: _Kind) -> Written:
        textual = ("minLength", "maxLength", "pattern") if kind.type in (None, "string") else ()
        out = {name: facts.plain[name] for name in ("format", *textual) if name in facts.plain}
        if kind.type not in (None, "string", "integer", "number"):
            return {}
        if kind.type == "string":
            return out
        for keyword, bound in (("minimum", facts.lower), ("maximum", facts.upper)):
            if bound is not None and kind.values is None:
                out[keyword] = self._limit(bound, is_lower=keyword == "minimum", is_whole=kind.type == "integer")
        return out

    def _limit(self, bound: Bound, *, is_lower: bool, is_whole: bool) -> int | float:
        """Return an inclusive limit: exact for integers.

        For other numbers an exclusive limit becomes inclusive, with a note.
        """
        if not bound.strict:
            return bound.value
        if is_whole:
            return math.floor(bound.value) + 1 if is_lower else math.ceil(bound.value) - 1
        if bound.path is not None:
            place, keyword = bound.path
            self._findings.dropped(keyword, place)
        return bound.value

    def _literal(self, facts: Facts, value: Any) -> Written | None:
        """Write the schema of one allowed object or array, from its members."""
        place = Subschema(None, "", facts.path)
        if isinstance(value, dict):
            items = {name: {"const": item} for name, item in value.items()}
            node = {"type": "object", "properties": items, "required": [*value], "additionalProperties": False}
        else:
            first = [{"const": item} for item in value]
            node = {"type": "array", "minItems": len(value), "maxItems": len(value)}
            node |= {"prefixItems": first} if first else {}
        rest = facts.copy()
        self._reader.budget.charge(rest.size)
        if id(value) not in self._literals:
            self._literals.add(id(value))
            # The literal is longer than the value in the client's schema, which the budget counted already.
            self._reader.budget.charge(-4 * len(orjson.dumps(node)))
        rest.values, rest.annotations, rest.unions = None, {}, []
        self._reader.add(rest, self._reader.made(value, node, place))
        return self._finished(rest)


def _by_type(facts: Facts) -> dict[str, list[Any]]:
    """Return the allowed values by type; integers count as numbers, unless all numbers are integers."""
    groups: dict[str, list[Any]] = {}
    for value in (facts.values or {}).values():
        if is_of(value, facts.types) and _is_within(value, facts):
            kind = type_of(value)
            groups.setdefault("number" if kind == "integer" else kind, []).append(value)
    numbers = groups.get("number", [])
    if numbers and "number" not in (facts.types or ()) and all(type_of(value) == "integer" for value in numbers):
        groups = {"integer" if name == "number" else name: values for name, values in groups.items()}
    return groups


def _is_within(value: Any, facts: Facts) -> bool:
    """Tell whether a value is within the numeric limits; True for a value that is not a number."""
    if type_of(value) not in ("integer", "number"):
        return True
    low, high = facts.lower, facts.upper
    if low is not None and (value < low.value or (low.strict and value == low.value)):
        return False
    return high is None or not (value > high.value or (high.strict and value == high.value))
