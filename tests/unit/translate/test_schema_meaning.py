"""Rewritten schemas accept the same values as the client's schemas, or a note names the keyword."""

from typing import Any

import jsonschema_rs
import orjson
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from api.emulator.rules.schemas import check_json_schema
from api.errors import InvalidRequestError
from api.json.schema_references import References
from api.translate.request.context import RequestContext
from api.translate.schema import schema_to_gemini
from tests.unit.translate.requests import FLASH_2

NAMES = ("a", "b", "c/d")
TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
REFERENCES = (
    "#",
    "#/$defs/one",
    "#/$defs/two",
    "#/definitions/three",
    "#/$defs/c~1d",
    "#/%24defs/c~1d",
    "#/properties/a",
    "#/properties/c~1d",
    "#/anyOf/0",
    "#/allOf/1",
    "#/allOf/1/properties/a",
    "#/prefixItems/0",
    "#named",
)
scalars = st.sampled_from([None, True, False, 0, 1, 2, 5, 1.5, -3, "", "a", "auto", "abc"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=4,
)
numbers = st.sampled_from([-1, 0, 1, 2, 3, 1.5, 2.0])
counts = st.integers(0, 3)


def _nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    listed = st.lists(inner, min_size=1, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
        "enum": st.lists(values, min_size=1, max_size=4),
        "const": values,
        "minimum": numbers,
        "maximum": numbers,
        "exclusiveMinimum": numbers,
        "exclusiveMaximum": numbers,
        "multipleOf": st.sampled_from([1, 2]),
        "minLength": counts,
        "maxLength": counts,
        "pattern": st.sampled_from(["^a", "b"]),
        "minItems": counts,
        "maxItems": counts,
        "uniqueItems": st.booleans(),
        "items": inner,
        "prefixItems": listed,
        "contains": inner,
        "unevaluatedItems": st.booleans(),
        "properties": named,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "c"]), inner, max_size=2),
        "additionalProperties": inner,
        "unevaluatedProperties": st.booleans(),
        "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        "propertyNames": inner,
        "minProperties": counts,
        "dependentRequired": st.just({"a": ["b"]}),
        "allOf": listed,
        "anyOf": listed,
        "oneOf": listed,
        "not": inner,
        "if": inner,
        "then": inner,
        "$ref": st.sampled_from(REFERENCES),
        "title": st.just("t"),
    }
    some = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=4, unique=True)
    return some.flatmap(lambda chosen: st.fixed_dictionaries({key: keywords[key] for key in chosen}))


nodes: st.SearchStrategy[Any] = st.recursive(st.booleans() | st.just({}), _nodes, max_leaves=8)
roots = st.builds(
    lambda root, one, two, three, four: {
        **(root if isinstance(root, dict) else {}),
        "$defs": {"one": one, "two": two, "c/d": three, "named": {"$anchor": "named", "type": "string"}},
        "definitions": {"three": four},
    },
    nodes,
    nodes,
    nodes,
    nodes,
    nodes,
).filter(lambda schema: not chases_itself(schema))


def chases_itself(schema: Any) -> bool:
    """Return whether a reference is circular for the same value, which has no meaning in JSON Schema."""
    references = References(schema)

    def _returns(node: Any, above: tuple[int, ...]) -> bool:
        if not isinstance(node, dict):
            return False
        if id(node) in above:
            return True
        inner = [item for key in ("allOf", "anyOf", "oneOf") for item in node.get(key, [])]
        inner += [node[key] for key in ("not", "if", "then") if key in node]
        if "$ref" in node and (target := references.resolve(node["$ref"])) is not None:
            inner.append(target.node)
        return any(_returns(item, (*above, id(node))) for item in inner)

    waiting, seen = [schema], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            if _returns(node, ()):
                return True
            waiting += node.values()
    return False


def client_validator(schema: Any) -> Any:
    """Return the validator of the client's schema; None if it has a reference that the validator cannot resolve."""
    try:
        return jsonschema_rs.validator_for(schema)
    except jsonschema_rs.ValidationError:
        reject()


def rewritten(schema: Any) -> tuple[Any, str]:
    """Return the sent schema, and the keywords that notes name."""
    context = RequestContext(profile=FLASH_2)
    sent = schema_to_gemini(schema, param="p", context=context)
    return sent, "".join(note.reason for note in context.notes if note.kind == "dropped")


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(roots, st.lists(values, min_size=8, max_size=16))
def test_no_rejected_value_is_accepted_without_a_note(schema: Any, samples: list[Any]) -> None:
    try:
        sent, dropped = rewritten(schema)
    except InvalidRequestError:
        return
    check_json_schema(sent)
    theirs, ours = client_validator(schema), jsonschema_rs.validator_for(sent)
    for value in samples:
        if ours.is_valid(value) and not theirs.is_valid(value):
            assert dropped, (orjson.dumps(schema), orjson.dumps(sent), value)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(roots, st.lists(values, min_size=8, max_size=16))
def test_no_accepted_value_is_rejected_without_a_note(schema: Any, samples: list[Any]) -> None:
    try:
        sent, dropped = rewritten(schema)
    except InvalidRequestError:
        return
    if dropped:
        return
    theirs, ours = client_validator(schema), jsonschema_rs.validator_for(sent)
    for value in samples:
        assert ours.is_valid(value) or not theirs.is_valid(value), (orjson.dumps(schema), orjson.dumps(sent), value)


KEYWORDS = (
    "$anchor",
    "$defs",
    "$dynamicRef",
    "$id",
    "$recursiveRef",
    "$ref",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "default",
    "definitions",
    "dependentRequired",
    "description",
    "else",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxLength",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "propertyOrdering",
    "required",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "x-mine",
)
malformed = st.recursive(
    scalars | st.sampled_from([1e300, -1, 2**64 - 1, "string", "STRING", "#", "#/$defs/a", "#/anyOf/0", "//["]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYWORDS) | st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(KEYWORDS), malformed, max_size=5))
def test_malformed_schemas_are_repaired_or_rejected_by_name(schema: Any) -> None:
    context = RequestContext(profile=FLASH_2)
    try:
        sent = schema_to_gemini(schema, param="p", context=context)
    except InvalidRequestError as rejected:
        if rejected.param != "p":
            raise
        return
    check_json_schema(sent)
