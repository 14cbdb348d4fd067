"""JSON Schema as clients write it to JSON Schema as Gemini takes it in `parametersJsonSchema` and `responseJsonSchema`.

Gemini takes most of it, so a schema is handed on as the client's own object wherever that is possible (rules 41, 111).
Otherwise keywords with an equivalent are converted and the others left out, in schema nodes only: the names of
properties, enum values and defaults are not keywords (rule 52). `$ref` is never expanded (rule 51), but for the few
inside an `allOf`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from api.translate.context import RequestContext
from api.translate.schema_keywords import (
    LIST_KEYWORDS,
    MAP_KEYWORDS,
    PLAIN_KEYWORDS,
    SCHEMA_KEYWORDS,
    SILENT_KEYWORDS,
    STANDARD_KEYWORDS,
    TYPES,
)
from api.translate.schema_references import check_references

Schema = Mapping[str, Any]

# A chain of `allOf` references can double at each link; beyond this many they are left out.
_MAX_EXPANSIONS = 200
# No client's schema is nested deeper, but expanded references can make it so.
_MAX_DEPTH = 64


def schema_to_gemini(schema: Schema, *, param: str, context: RequestContext) -> Schema:
    """Return the schema as Gemini takes it, the same object if it takes it as it is; changes are noted under `param`.

    Raises InvalidRequestError naming `param` if a `$ref` leads nowhere.

    {"$schema": "...", "type": "object", "properties": {"const": {"const": "a"}}}
    {"type": "object", "properties": {"const": {"enum": ["a"]}}}
    """
    references: list[str] = []
    if _is_taken(schema, references):
        check_references(references, schema, param=param)
        return schema
    rewriter = _Rewriter(schema)
    rewritten = rewriter.node(schema)
    check_references(rewriter.references, rewritten, param=param)
    if rewriter.converted:
        context.note("converted", param, f"schema keywords rewritten: {', '.join(rewriter.converted)}")
    if rewriter.left_out:
        context.note("dropped", param, f"schema keywords Gemini does not know: {', '.join(rewriter.left_out)}")
    return rewritten


def _is_taken(node: Any, references: list[str]) -> bool:
    """Tell whether Gemini takes this node and all below as they are; the `$ref`s seen are added to `references`."""
    if not isinstance(node, dict):
        return False
    for key, value in node.items():
        if key in PLAIN_KEYWORDS:
            if key == "type" and not _is_plain_type(value):
                return False
            if key == "$ref":
                if not _is_plain_ref(node):
                    return False
                references.append(value)
        elif not _children_are_taken(key, value, references):
            return False
    return True


def _children_are_taken(key: str, value: Any, references: list[str]) -> bool:
    if key in MAP_KEYWORDS:
        return isinstance(value, dict) and all(_is_taken(child, references) for child in value.values())
    if key in LIST_KEYWORDS:
        return isinstance(value, list) and all(_is_taken(child, references) for child in value)
    if key == "additionalProperties" and isinstance(value, bool):
        return True
    return key in SCHEMA_KEYWORDS and _is_taken(value, references)


def _is_plain_type(value: Any) -> bool:
    """Tell whether `type` names at most one type beside null, and none that JSON Schema does not have (rule 43)."""
    if isinstance(value, str):
        return value in TYPES
    return (
        isinstance(value, list)
        and all(isinstance(item, str) and item in TYPES for item in value)
        and len([item for item in value if item != "null"]) == 1
    )


def _is_plain_ref(node: Schema) -> bool:
    """Tell whether a `$ref` is one that Gemini resolves: nothing but `$` keywords beside it, no draft-7 path."""
    ref = node["$ref"]
    return isinstance(ref, str) and not ref.startswith("#/definitions/") and all(key[:1] == "$" for key in node)


class _Rewriter:
    """Rewrites one schema; `converted` and `left_out` are the keywords touched, in order of their first sight, and
    `references` the `$ref`s of the outcome.
    """

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._expansions = 0
        self._depth = 0
        self.references: list[str] = []
        self.converted: dict[str, None] = {}
        self.left_out: dict[str, None] = {}

    def node(self, node: Any) -> dict[str, Any]:
        """Return one schema node rewritten; what is no schema at all becomes the schema of anything."""
        if not isinstance(node, dict):
            if node is not True:
                self.left_out["a value that is no schema"] = None
            return {}
        if self._depth >= _MAX_DEPTH:
            self.left_out["levels beyond 64"] = None
            return {}
        self._depth += 1
        rewritten = self._rewritten(self._merged(node) if "allOf" in node else node)
        self._depth -= 1
        return rewritten

    def _rewritten(self, node: Schema) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key in PLAIN_KEYWORDS:
                out[key] = value
            elif key in _CONVERSIONS:
                _CONVERSIONS[key](self, value, out, node)
            elif key not in SILENT_KEYWORDS:
                self.left_out[key if key in STANDARD_KEYWORDS else "keywords of no standard"] = None
        return self._regular_ref(self._regular_type(out))

    def map_of(self, key: str, value: Any) -> dict[str, Any]:
        """Return named schemas rewritten, their names untouched."""
        if isinstance(value, dict):
            return {name: self.node(item) for name, item in value.items()}
        self.left_out[key] = None
        return {}

    def list_of(self, key: str, value: Any) -> list[dict[str, Any]]:
        """Return a list of schemas rewritten."""
        if isinstance(value, list):
            return [self.node(item) for item in value]
        self.left_out[key] = None
        return []

    def _merged(self, node: Schema) -> dict[str, Any]:
        """Return a node with its `allOf` members merged in: properties and requirements joined, else the first wins."""
        self.converted["allOf"] = None
        merged = {key: value for key, value in node.items() if key != "allOf"}
        members = node["allOf"] if isinstance(node["allOf"], list) else []
        if len(members) == 1 and isinstance(members[0], dict) and "$ref" in members[0]:
            return {**members[0], **merged}
        for member in members:
            resolved = self._resolved(member)
            if "allOf" in resolved:
                resolved = self._merged(resolved)
            for key, value in resolved.items():
                mine = merged.get(key)
                if key in MAP_KEYWORDS and isinstance(mine, dict) and isinstance(value, dict):
                    merged[key] = {**value, **mine}
                elif key == "required" and isinstance(mine, list) and isinstance(value, list):
                    merged[key] = mine + [name for name in value if name not in mine]
                else:
                    merged.setdefault(key, value)
        return merged

    def _resolved(self, member: Any) -> Schema:
        """Return a member of `allOf`, or what its local `$ref` points to."""
        if not isinstance(member, dict):
            return {}
        ref = member.get("$ref")
        if not isinstance(ref, str):
            return member
        self._expansions += 1
        target: Any = self._root if ref.startswith("#/") and self._expansions <= _MAX_EXPANSIONS else None
        for step in ref.split("/")[1:]:
            target = target.get(step) if isinstance(target, dict) else None
        if isinstance(target, dict):
            return target
        self.left_out["$ref"] = None
        return {}

    def _regular_type(self, out: dict[str, Any]) -> dict[str, Any]:
        """Several types become `anyOf`; an enum beside them goes, because it belongs to none of them (rule 43).

        Gemini's own schemas write types in capitals. What is no type at all is left out.
        """
        if "type" not in out or _is_plain_type(out["type"]):
            return out
        given = out.pop("type")
        names = given if isinstance(given, list) else [given]
        known = [name.lower() for name in names if isinstance(name, str) and name.lower() in TYPES]
        (self.converted if len(known) == len(names) else self.left_out)["type"] = None
        if len([name for name in known if name != "null"]) > 1:
            out.pop("enum", None)
            out["anyOf"] = [{"type": name} for name in known]
        elif known:
            out["type"] = known if isinstance(given, list) else known[0]
        return out

    def _regular_ref(self, out: dict[str, Any]) -> dict[str, Any]:
        """A `$ref` with other keywords beside it goes into an `anyOf` of its own: Gemini wants it alone."""
        ref = out.get("$ref")
        if not isinstance(ref, str):
            return out
        if ref.startswith("#/definitions/"):
            self.converted["definitions"] = None
            ref = out["$ref"] = f"#/$defs/{ref.removeprefix('#/definitions/')}"
        self.references.append(ref)
        if _is_plain_ref(out):
            return out
        self.converted["$ref"] = None
        rest = {key: value for key, value in out.items() if key != "$ref"}
        return {**rest, "anyOf": [{"$ref": ref}]}


_Conversion = Callable[[_Rewriter, Any, dict[str, Any], Schema], None]


def _properties(rewriter: _Rewriter, value: Any, out: dict[str, Any], _node: Schema) -> None:
    out["properties"] = rewriter.map_of("properties", value)


def _definitions(rewriter: _Rewriter, value: Any, out: dict[str, Any], _node: Schema) -> None:
    out["$defs"] = {**out.get("$defs", {}), **rewriter.map_of("$defs", value)}


def _branches(key: str) -> _Conversion:
    def _convert(rewriter: _Rewriter, value: Any, out: dict[str, Any], _node: Schema) -> None:
        branches = rewriter.list_of(key, value)
        if branches:
            out[key] = branches

    return _convert


def _items(rewriter: _Rewriter, value: Any, out: dict[str, Any], _node: Schema) -> None:
    """Draft 7 wrote a tuple as a list under `items`; since then it is `prefixItems`."""
    if isinstance(value, list):
        rewriter.converted["items"] = None
        out["prefixItems"] = rewriter.list_of("items", value)
    else:
        out["items"] = rewriter.node(value)


def _additional_properties(rewriter: _Rewriter, value: Any, out: dict[str, Any], _node: Schema) -> None:
    out["additionalProperties"] = value if isinstance(value, bool) else rewriter.node(value)


def _const(rewriter: _Rewriter, value: Any, out: dict[str, Any], _node: Schema) -> None:
    rewriter.converted["const"] = None
    if value is None:
        out["type"] = "null"
    else:
        out["enum"] = [value]


def _nullable(rewriter: _Rewriter, value: Any, out: dict[str, Any], node: Schema) -> None:
    """OpenAPI's way to allow null."""
    rewriter.converted["nullable"] = None
    kind = node.get("type")
    if value is True and isinstance(kind, str) and kind != "null":
        out["type"] = [kind, "null"]


def _bound(keyword: str, step: int) -> _Conversion:
    """Exclusive bounds become inclusive ones: exact for integers, a hair wider for other numbers."""

    def _convert(rewriter: _Rewriter, value: Any, out: dict[str, Any], node: Schema) -> None:
        exclusive = "exclusiveMinimum" if step > 0 else "exclusiveMaximum"
        if isinstance(value, bool) or not isinstance(value, int | float):
            rewriter.left_out[exclusive] = None
            return
        rewriter.converted[exclusive] = None
        exact = isinstance(value, int) and node.get("type") == "integer"
        bound = value + step if exact else value
        known = node.get(keyword)
        if isinstance(known, int | float) and not isinstance(known, bool):
            bound = max(bound, known) if step > 0 else min(bound, known)
        out[keyword] = bound

    return _convert


_CONVERSIONS: dict[str, _Conversion] = {
    "properties": _properties,
    "$defs": _definitions,
    "definitions": _definitions,
    "anyOf": _branches("anyOf"),
    "oneOf": _branches("oneOf"),
    "prefixItems": _branches("prefixItems"),
    "items": _items,
    "additionalProperties": _additional_properties,
    "const": _const,
    "nullable": _nullable,
    "exclusiveMinimum": _bound("minimum", 1),
    "exclusiveMaximum": _bound("maximum", -1),
}
