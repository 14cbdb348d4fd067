"""Writes the keywords of object properties and array items from facts."""

from collections.abc import Callable
from typing import Any

from api.translate.schema.facts import Facts, Rest, Subschema
from api.translate.schema.findings import Budget, Findings

Written = dict[str, Any]
# Writes the schema that combines several nodes; None if no value matches all of them.
Write = Callable[[list[Subschema]], Written | None]


def array_keywords(facts: Facts, write: Write, budget: Budget) -> Written:
    """Return the array keywords; `maxItems` ends the array before an index where no item is possible."""
    first: list[Written] = []
    rest: Written | None = {}
    for index in range(max((len(row.first) for row in facts.rows), default=0)):
        budget.charge(len(facts.rows))
        here = [row.first[index] if index < len(row.first) else row.rest for row in facts.rows]
        rest = write([subschema for subschema in here if subschema is not None])
        if rest is None:
            break
        first.append(rest)
    rests = [row.rest for row in facts.rows if row.rest is not None]
    if rest is not None and rests:
        rest = write(rests)
    out: Written = {"prefixItems": first} if first else {}
    if rest is not None and rests:
        out["items"] = rest
    known = {name: facts.plain[name] for name in ("minItems", "maxItems", "uniqueItems") if name in facts.plain}
    if rest is None:
        known["maxItems"] = min(known.get("maxItems", len(first)), len(first))
    return out | known


def object_keywords(facts: Facts, write: Write, findings: Findings, budget: Budget) -> Written | None:
    """Return the object keywords; None if a required property has no possible value."""
    closed = [rest for rest in facts.rests if rest.subschema.node is False]
    open_rests = [rest for rest in facts.rests if rest.subschema.node is not False and rest.subschema.node is not True]
    allowed = _allowed(facts, closed, findings)
    properties: Written = {}
    for name, subschemas in (facts.properties or {}).items():
        if allowed is not None and name not in allowed:
            continue
        budget.charge(len(open_rests))
        others = [rest.subschema for rest in open_rests if name not in rest.names]
        written = write(subschemas + others if others else subschemas)
        if written is not None:
            properties[name] = written
        elif name in facts.required:
            return None
        elif allowed is None:
            findings.dropped(name, (facts.path, "properties"))
    out: Written = {} if facts.properties is None else {"properties": properties}
    if facts.required:
        out["required"] = [*facts.required]
    if facts.rests:
        out["additionalProperties"] = _additional(allowed is not None, open_rests, write)
    if facts.ordering:
        out["propertyOrdering"] = [*facts.ordering]
    return out


def _allowed(facts: Facts, closed: list[Rest], findings: Findings) -> frozenset[str] | None:
    """Return the property names that an object may have; None if other names are allowed.

    Two nodes may each forbid a property that the other requires. Their author meant to join them, so all declared names
    are allowed and `additionalProperties` is noted as dropped.
    """
    if not closed:
        return None
    allowed = frozenset.intersection(*(rest.names for rest in closed))
    declared = facts.properties or {}
    if any(name in declared and name not in allowed for name in facts.required):
        findings.dropped("additionalProperties", facts.path)
        return frozenset(declared)
    return allowed


def _additional(is_closed: bool, rests: list[Rest], write: Write) -> Written | bool:
    if is_closed:
        return False
    if not rests:
        return True
    written = write([rest.subschema for rest in rests])
    return False if written is None else written
