"""The combined constraints of all schema nodes that apply to one value.

Types and allowed values are intersected, the tighter bound applies, and required names are joined. Nodes under one
property name or one array index stay a list of nodes. Unions stay separate.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from api.translate.schema.findings import Path

Types = frozenset[str]


class Subschema(NamedTuple):
    """A node of the client's schema, with its path for notes and its base URI.

    `is_inside` tells that `base` already includes the node's own `$id`.
    """

    node: Any
    base: str
    path: Path
    is_inside: bool = False


class Bound(NamedTuple):
    """A numeric limit; a `strict` limit excludes the number itself."""

    value: int | float
    strict: bool
    path: Path


class Union(NamedTuple):
    """The alternatives of an `anyOf` or a `oneOf`."""

    keyword: str
    branches: list[Subschema]
    path: Path


class Rest(NamedTuple):
    """The schema of all properties except `names`; a `node` of False allows no such property."""

    names: frozenset[str]
    subschema: Subschema


class Row(NamedTuple):
    """The schemas of array items: `first` by index, then `rest` for all others (None: no constraint)."""

    first: list[Subschema]
    rest: Subschema | None


@dataclass(slots=True)
class Facts:
    """The constraints at one path.

    `is_asserted` is True if anything besides `annotations` and `references` constrains the value.
    """

    path: Path
    seen: dict[int, None] = field(default_factory=dict)
    is_asserted: bool = False
    is_impossible: bool = False
    types: Types | None = None
    values: dict[Hashable, Any] | None = None
    values_path: Path = None
    lower: Bound | None = None
    upper: Bound | None = None
    plain: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, list[Subschema]] | None = None
    required: dict[str, None] = field(default_factory=dict)
    ordering: dict[str, None] = field(default_factory=dict)
    rests: list[Rest] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    unions: list[Union] = field(default_factory=list)
    references: dict[int, Subschema] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The approximate cost of a copy, in bytes of JSON."""
        named = sum(map(len, (self.properties or {}).values())) + len(self.required) + len(self.ordering)
        listed = sum(len(row.first) for row in self.rows) + len(self.seen)
        return 16 + 8 * (named + listed + len(self.rests) + len(self.unions))

    def copy(self) -> "Facts":
        """Return an independent copy."""
        return Facts(
            path=self.path,
            seen=dict(self.seen),
            is_asserted=self.is_asserted,
            is_impossible=self.is_impossible,
            types=self.types,
            values=self.values,
            values_path=self.values_path,
            lower=self.lower,
            upper=self.upper,
            plain=dict(self.plain),
            annotations=dict(self.annotations),
            properties=None if self.properties is None else {name: [*own] for name, own in self.properties.items()},
            required=dict(self.required),
            ordering=dict(self.ordering),
            rests=[*self.rests],
            rows=[*self.rows],
            unions=[*self.unions],
            references=dict(self.references),
        )

    def narrow_types(self, types: Types) -> None:
        """Allow only values of these types."""
        self.is_asserted = True
        self.types = types if self.types is None else common_types(self.types, types)
        self.is_impossible |= not self.types

    def narrow_values(self, values: Iterable[Any], path: Path) -> None:
        """Allow only these values."""
        self.is_asserted = True
        allowed = {identity(value): value for value in values}
        if self.values is not None:
            allowed = {key: value for key, value in self.values.items() if key in allowed}
        self.values, self.values_path = allowed, path
        self.is_impossible |= not allowed

    def narrow_bound(self, bound: Bound, *, is_lower: bool) -> None:
        """Apply the tighter of two limits."""
        self.is_asserted = True
        known = self.lower if is_lower else self.upper
        sign = 1 if is_lower else -1
        if known is not None and (sign * known.value, known.strict) >= (sign * bound.value, bound.strict):
            return
        if is_lower:
            self.lower = bound
        else:
            self.upper = bound


def common_types(ones: Types, others: Types) -> Types:
    """Return the types whose values both sides accept; every integer is a number."""
    common = ones & others
    if ("integer" in ones and "number" in others) or ("integer" in others and "number" in ones):
        common |= {"integer"}
    return common - {"integer"} if {"integer", "number"} <= common else common


def identity(value: Any) -> Hashable:
    """Return a key that is equal for equal JSON values only: 1 equals 1.0, and differs from true."""
    if isinstance(value, bool) or value is None:
        return (str(value),)
    if isinstance(value, list):
        return ("list", *map(identity, value))
    if isinstance(value, dict):
        return frozenset((name, identity(item)) for name, item in value.items())
    hashable: Hashable = value
    return hashable


def type_of(value: Any) -> str:
    """Return the JSON type of a value; a number without a fraction is an integer."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if value == value // 1 else "number"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def is_of(value: Any, types: Types | None) -> bool:
    """Tell whether a value has one of the types; None means every type."""
    kind = type_of(value)
    return types is None or kind in types or (kind == "integer" and "number" in types)
