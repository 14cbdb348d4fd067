"""Constraints of several subschemas are combined in Gemini's keywords, or noted if Gemini has no keyword."""

from typing import Any

import orjson
import pytest

from api.errors import InvalidRequestError
from tests.unit.translate.test_request_schema import converted


@pytest.mark.parametrize(
    ("schema", "expected", "notes"),
    [
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
            ["converted p: schema keywords rewritten: enum"],
        ),
        ({"enum": [True, False]}, {"type": "boolean"}, ["converted p: schema keywords rewritten: enum"]),
        (
            {"type": "boolean", "enum": [True]},
            {"type": "boolean"},
            ["dropped p: schema keywords removed: enum"],
        ),
        ({"const": False}, {"type": "boolean"}, ["dropped p: schema keywords removed: const"]),
        (
            {"enum": [{"a": [1]}]},
            {
                "type": "object",
                "properties": {
                    "a": {"type": "array", "prefixItems": [{"enum": [1]}], "minItems": 1, "maxItems": 1},
                },
                "required": ["a"],
                "additionalProperties": False,
            },
            ["converted p: schema keywords rewritten: enum, const"],
        ),
        ({"type": "string", "enum": [1, 2]}, {"type": "string"}, ["dropped p: schema keywords removed: enum"]),
        (
            {"type": "object", "properties": {"a": {"enum": {}}}},
            {"type": "object", "properties": {"a": {}}},
            ["dropped p: schema keywords removed: properties.a.enum"],
        ),
        (
            {"type": "integer", "enum": [1, 2, 3], "exclusiveMinimum": 1},
            {"type": "integer", "enum": [2, 3]},
            ["converted p: schema keywords rewritten: exclusiveMinimum"],
        ),
    ],
)
def test_values_without_a_type_in_gemini_are_rewritten(schema: Any, expected: Any, notes: list[str]) -> None:
    assert converted(schema) == (expected, notes)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {
                "allOf": [
                    {"type": ["string", "integer"]},
                    {"type": "integer", "minimum": 2},
                    {"minimum": 1, "maximum": 9},
                ]
            },
            {"type": "integer", "minimum": 2, "maximum": 9},
        ),
        ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, {"enum": ["b"]}),
        (
            {
                "allOf": [
                    {"properties": {"a": {"minLength": 1}}, "required": ["a"]},
                    {"properties": {"a": {"maxLength": 3}, "b": {}}, "required": ["b", "a"]},
                ]
            },
            {"properties": {"a": {"minLength": 1, "maxLength": 3}, "b": {}}, "required": ["a", "b"]},
        ),
        (
            {"allOf": [{"properties": {"a": {}, "b": {}}, "additionalProperties": False}, {"properties": {"c": {}}}]},
            {"properties": {"a": {}, "b": {}}, "additionalProperties": False},
        ),
        (
            {"allOf": [{"items": {"minimum": 1}}, {"items": {"maximum": 2}, "maxItems": 4}], "maxItems": 3},
            {"items": {"minimum": 1, "maximum": 2}, "maxItems": 3},
        ),
        (
            {
                "allOf": [
                    {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    {"anyOf": [{"minLength": 1}, {"const": None}]},
                ]
            },
            {
                "anyOf": [
                    {"type": "string", "anyOf": [{"minLength": 1}, {"type": "null"}]},
                    {"type": "null", "anyOf": [{"minLength": 1}, {"type": "null"}]},
                ]
            },
        ),
        (
            {"allOf": [{"additionalProperties": {"minimum": 1}}, {"properties": {"a": {}}}]},
            {"properties": {"a": {"minimum": 1}}, "additionalProperties": {"minimum": 1}},
        ),
    ],
)
def test_members_of_all_of_are_intersected(schema: Any, expected: Any) -> None:
    sent, notes = converted(schema)
    assert sent == expected
    assert [note.split()[0] for note in notes] == ["converted"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "additionalItems": False},
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "maxItems": 2},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
            {"type": "array", "prefixItems": [{"type": "string"}], "maxItems": 1},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}], "unevaluatedItems": False},
            {"type": "array", "prefixItems": [{"type": "string"}], "maxItems": 1},
        ),
        (
            {"type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "integer"}},
            {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
        ),
    ],
)
def test_tuples_have_a_fixed_length(schema: Any, expected: Any) -> None:
    sent, notes = converted(schema)
    assert sent == expected
    assert [note.split()[0] for note in notes] == ["converted"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "string", "enum": ["a"], "nullable": True, "description": "d"},
            {"description": "d", "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        ),
        (
            {"allOf": [{"$ref": "#/$defs/A"}], "nullable": True, "$defs": {"A": {"type": "object"}}},
            {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}], "$defs": {"A": {"type": "object"}}},
        ),
    ],
)
def test_nullable_schemas_of_every_kind_accept_null(schema: Any, expected: Any) -> None:
    assert converted(schema)[0] == expected


@pytest.mark.parametrize(
    ("schema", "expected", "path"),
    [
        ({"type": "object", "properties": {"a": False}}, {"type": "object", "properties": {}}, "properties.a"),
        (
            {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False},
            {"type": "object", "additionalProperties": {"type": "integer"}},
            "patternProperties",
        ),
        ({"type": "number", "exclusiveMinimum": 2.5}, {"type": "number", "minimum": 2.5}, "exclusiveMinimum"),
        ({"type": "integer", "multipleOf": 5}, {"type": "integer"}, "multipleOf"),
        ({"type": "array", "minItems": 1e29, "maxItems": "3"}, {"type": "array"}, "minItems, maxItems"),
        ({"type": "object", "required": "a"}, {"type": "object"}, "required"),
        (
            {"properties": {"a": {"if": {}, "then": {}}}},
            {"properties": {"a": {}}},
            "properties.a.if, properties.a.then",
        ),
        ({"type": "string", "title": 5, "pattern": 1}, {"type": "string"}, "title, pattern"),
        ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, {"pattern": "a"}, "allOf.1.pattern"),
    ],
)
def test_a_keyword_that_gemini_lacks_is_named_with_its_path(schema: Any, expected: Any, path: str) -> None:
    sent, notes = converted(schema)
    assert sent == expected
    assert notes[-1] == f"dropped p: schema keywords removed: {path}"


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "object", "properties": {"a": {"not": {}}}, "required": ["a"]},
        {"anyOf": [False, {"allOf": [{"const": 1}, {"const": 2}]}]},
    ],
)
def test_a_schema_without_valid_values_is_rejected_by_name(schema: Any) -> None:
    with pytest.raises(InvalidRequestError, match="no value is valid") as rejected:
        converted(schema)
    assert rejected.value.param == "p"


def test_the_expansion_of_references_is_bounded() -> None:
    large = {"properties": {f"p{index}": {"type": "string", "description": "x" * 900} for index in range(1000)}}
    users = {f"u{index}": {"$ref": "#/$defs/L", "maxProperties": 1, "minProperties": index} for index in range(200)}
    users |= {f"v{index}": {"$ref": "#/$defs/L", "required": [f"r{index}"]} for index in range(200)}
    with pytest.raises(InvalidRequestError, match="too large after expansion") as rejected:
        converted({"type": "object", "properties": users, "$defs": {"L": large}})
    assert rejected.value.param == "p"
    same = {"$ref": "#/$defs/L", "required": ["r"]}
    again = {"type": "object", "properties": {f"v{index}": same for index in range(200)}, "$defs": {"L": large}}
    assert len(orjson.dumps(converted(again)[0])) < 3 * len(orjson.dumps(again))


def test_rule_051_combined_nullable_references_are_recursive() -> None:
    schema = {
        "type": "object",
        "properties": {"next": {"nullable": True, "allOf": [{"$ref": "#"}, {"required": ["x"]}]}},
        "patternProperties": {"^a": {"$ref": "#", "required": ["y"]}, "^b": {"type": "string"}},
        "additionalProperties": False,
    }
    sent, _ = converted(schema)
    assert {"type": "null"} in sent["properties"]["next"]["anyOf"]
    assert len(orjson.dumps(sent)) < 2000
