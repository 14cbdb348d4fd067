"""Schemas of functions and response formats: rules 41 to 52 and 111."""

from typing import Any

import pytest

from api.errors import InvalidRequestError
from api.translate.request.context import RequestContext
from api.translate.schema import schema_to_gemini
from sessions_store.catalogue.model_profile import ModelProfile
from tests.unit.translate.requests import FLASH_2, FLASH_3, PLAIN, noted, translate

TAKEN: dict[str, Any] = {
    "type": "object",
    "title": "Event",
    "description": "An event",
    "properties": {
        "name": {"type": ["string", "null"], "default": "x", "minLength": 1, "pattern": "^a"},
        "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
        "who": {"type": "array", "items": {"$ref": "#/$defs/Person"}, "uniqueItems": True},
        "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"enum": [1, 2]}]},
        "more": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"Person": {"type": "object", "properties": {"friend": {"$ref": "#/$defs/Person"}}}},
}


def converted(schema: Any, profile: ModelProfile = FLASH_2) -> tuple[Any, list[str]]:
    context = RequestContext(profile=profile)
    return schema_to_gemini(schema, param="p", context=context), [str(note) for note in context.notes]


def test_rule_041_a_schema_that_gemini_accepts_is_sent_unchanged() -> None:
    sent, notes = converted(TAKEN)
    assert sent is TAKEN
    assert notes == []


def test_rule_111_the_clients_own_schema_object_is_sent() -> None:
    upstream = translate(tools=[{"type": "function", "function": {"name": "f", "parameters": TAKEN}}])
    declared = upstream.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert declared == TAKEN
    assert list(declared["properties"]) == list(TAKEN["properties"])


@pytest.mark.parametrize(
    ("schema", "expected", "notes"),
    [
        ({"const": "a"}, {"enum": ["a"]}, ["converted p: schema keywords rewritten: const"]),
        ({"const": None}, {"type": "null"}, ["converted p: schema keywords rewritten: const"]),
        ({"$schema": "s", "type": "string"}, {"type": "string"}, []),
        (
            {"type": "string", "examples": ["a"], "not": {"minLength": 1}, "x-mine": 1},
            {"type": "string"},
            ["dropped p: schema keywords removed: examples, not, non-standard keywords"],
        ),
        (
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
            {"type": "integer", "minimum": 1, "maximum": 8},
            ["converted p: schema keywords rewritten: exclusiveMinimum, exclusiveMaximum"],
        ),
        (
            {"type": "number", "exclusiveMinimum": 0, "minimum": 2},
            {"type": "number", "minimum": 2},
            ["converted p: schema keywords rewritten: exclusiveMinimum"],
        ),
        (
            {"type": "string", "nullable": True},
            {"type": ["string", "null"]},
            ["converted p: schema keywords rewritten: nullable"],
        ),
        (
            {"type": "array", "items": [{"type": "string"}, True]},
            {"type": "array", "prefixItems": [{"type": "string"}, {}]},
            ["converted p: schema keywords rewritten: items"],
        ),
        (
            {"definitions": {"A": {"type": "string"}}, "items": {"$ref": "#/definitions/A"}},
            {"$defs": {"A": {"type": "string"}}, "items": {"$ref": "#/$defs/A"}},
            ["converted p: schema keywords rewritten: definitions"],
        ),
        (
            {"items": {"$ref": "#/$defs/A", "description": "d"}, "$defs": {"A": {}}},
            {"items": {"description": "d", "anyOf": [{"$ref": "#/$defs/A"}]}, "$defs": {"A": {}}},
            ["converted p: schema keywords rewritten: $ref"],
        ),
        ({"items": 7}, {"items": {}}, ["dropped p: schema keywords removed: items"]),
        ({"properties": []}, {"properties": {}}, ["dropped p: schema keywords removed: properties"]),
        ({"anyOf": "x"}, {}, ["dropped p: schema keywords removed: anyOf"]),
        (
            {"exclusiveMinimum": True},
            {},
            ["dropped p: schema keywords removed: exclusiveMinimum"],
        ),
    ],
)
def test_rule_042_keywords_unknown_to_gemini_are_rewritten_or_left_out(
    schema: Any, expected: Any, notes: list[str]
) -> None:
    assert converted(schema) == (expected, notes)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": ["string", "integer", "null"], "description": "d"},
            {"description": "d", "anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        ),
        (
            {"type": ["integer", "string"], "enum": [1, 5, "auto"]},
            {"anyOf": [{"type": "integer", "enum": [1, 5]}, {"type": "string", "enum": ["auto"]}]},
        ),
        (
            {"type": ["string", "number"], "anyOf": [{"minLength": 2}, {"minimum": 10}]},
            {
                "anyOf": [
                    {"type": "string", "minLength": 2},
                    {"type": "number"},
                    {"type": "string"},
                    {"type": "number", "minimum": 10},
                ]
            },
        ),
        (
            {"type": ["string", "array"], "minLength": 1, "items": {"type": "integer"}},
            {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "integer"}}]},
        ),
        (
            {"type": ["string", "integer"], "oneOf": [{"minLength": 2}, {"minimum": 10}]},
            {
                "oneOf": [
                    {"anyOf": [{"type": "string", "minLength": 2}, {"type": "integer"}]},
                    {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 10}]},
                ]
            },
        ),
    ],
)
def test_rule_043_several_types_become_branches_with_their_keywords(schema: Any, expected: Any) -> None:
    sent, notes = converted(schema)
    assert sent == expected
    assert notes[0].startswith("converted p: schema keywords rewritten: type")
    assert converted({"type": ["string", "null"]})[1] == []


def test_rule_047_an_array_without_items_is_valid_json_schema() -> None:
    schema = {"type": "array"}
    assert converted(schema)[0] is schema


def test_rule_048_a_function_without_parameters_declares_none() -> None:
    nothing: list[Any] = [{}, None]
    for parameters in nothing:
        tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
        assert translate(tools=[tool]).body["tools"] == [{"functionDeclarations": [{"name": "f"}]}]


def test_parameters_without_a_type_are_those_of_an_object() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"foo": "bar"}}}
    upstream = translate(tools=[tool])
    declared = upstream.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert declared == {"type": "object", "properties": {}}
    assert noted(upstream) == [("dropped", "tools[0].function.parameters")]


def test_parameters_of_another_type_are_rejected_by_name() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}
    with pytest.raises(InvalidRequestError) as caught:
        translate(tools=[tool])
    assert caught.value.param == "tools[0].function.parameters"


def test_rule_051_recursive_schemas_are_not_expanded() -> None:
    schema = {
        "allOf": [{"$ref": "#/$defs/Node"}, {"properties": {"extra": {"type": "string"}}, "required": ["extra"]}],
        "required": ["value"],
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}},
    }
    sent, _ = converted(schema)
    assert sent == {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/Node"}, "extra": {"type": "string"}},
        "required": ["value", "extra", "next"],
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}},
    }


def test_rule_051_a_single_reference_under_all_of_stays_a_reference() -> None:
    sent, _ = converted({"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "object"}}, "title": "T"})
    assert sent == {"$defs": {"A": {"type": "object"}}, "title": "T", "anyOf": [{"$ref": "#/$defs/A"}]}


def test_rule_051_combined_references_that_recur_become_definitions() -> None:
    node = {"type": "object", "properties": {"next": {"allOf": [{"$ref": "#"}, {"required": ["x"]}]}}}
    combined = {"$ref": "#/$defs/combined"}
    assert converted(node)[0] == {
        "type": "object",
        "properties": {"next": combined},
        "$defs": {"combined": {"type": "object", "properties": {"next": combined}, "required": ["x"]}},
    }


def test_rule_051_circular_references_are_left_out() -> None:
    circle = {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}
    sent, notes = converted({"allOf": [{"$ref": "#/$defs/A"}, {}], "$defs": {"A": circle}})
    assert sent == {"$ref": "#/$defs/A", "$defs": {"A": {}}}
    assert notes[-1] == "dropped p: schema keywords removed: A.$ref"


def test_rule_052_only_keywords_are_changed() -> None:
    schema = {
        "type": "object",
        "properties": {
            "const": {"type": "string"},
            "$schema": {"enum": ["examples", "const"]},
            "title": {"type": "object", "default": {"examples": [1], "const": 2}},
            "properties": {"type": "object", "properties": {"default": {"const": 1}}},
        },
        "required": ["const", "$schema"],
    }
    sent, _ = converted(schema)
    assert sent == {
        **schema,
        "properties": {
            **schema["properties"],  # type: ignore[dict-item]
            "properties": {"type": "object", "properties": {"default": {"enum": [1]}}},
        },
    }


def test_a_response_schema_is_sent_with_its_mime_type() -> None:
    named = {"name": "event", "schema": TAKEN, "strict": True}
    upstream = translate(response_format={"type": "json_schema", "json_schema": named}, profile=FLASH_3)
    assert upstream.body["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": TAKEN}
    assert upstream.notes == ()


def test_a_response_schema_is_converted_under_its_own_path() -> None:
    named = {"name": "event", "description": "d", "schema": {"type": "object", "properties": {"a": {"const": 1}}}}
    upstream = translate(response_format={"type": "json_schema", "json_schema": named})
    assert upstream.body["generationConfig"]["responseJsonSchema"]["properties"] == {"a": {"enum": [1]}}
    assert noted(upstream) == [
        ("dropped", "response_format.json_schema.description"),
        ("converted", "response_format.json_schema.schema"),
    ]


@pytest.mark.parametrize(
    ("response_format", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"responseMimeType": "application/json"}),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, {"responseMimeType": "application/json"}),
    ],
)
def test_other_response_formats_have_no_schema(response_format: Any, expected: Any) -> None:
    assert translate(response_format=response_format).body.get("generationConfig") == expected


def test_a_model_without_schemas_gets_the_json_mime_type_only() -> None:
    named = {"name": "event", "schema": TAKEN}
    upstream = translate(response_format={"type": "json_schema", "json_schema": named}, profile=PLAIN)
    assert upstream.body["generationConfig"] == {"responseMimeType": "application/json"}
    assert noted(upstream) == [("dropped", "response_format.json_schema.schema")]


def test_rules_044_to_050_are_met_by_never_using_the_older_schema_fields() -> None:
    named = {"name": "event", "schema": TAKEN}
    tool = {"type": "function", "function": {"name": "f", "parameters": TAKEN}}
    upstream = translate(tools=[tool], response_format={"type": "json_schema", "json_schema": named}, profile=FLASH_3)
    assert set(upstream.body["tools"][0]["functionDeclarations"][0]) == {"name", "parametersJsonSchema"}
    assert set(upstream.body["generationConfig"]) == {"responseMimeType", "responseJsonSchema"}


ORDER = {"type": "object", "properties": {"id": {"$ref": "#/$defs/ID"}}}


@pytest.mark.parametrize(
    "schema",
    [
        ORDER,
        {**ORDER, "properties": {"id": {"$ref": "#/definitions/ID"}}, "definitions": {"Id": {"type": "string"}}},
        {**ORDER, "properties": {"id": {"$ref": "#/$defs/ID", "description": "Whose"}}},
        {**ORDER, "properties": {"id": {"$ref": "https://example.com/id.json"}}},
        {**ORDER, "$id": "https://example.com/order.json", "properties": {"id": {"$ref": "id.json"}}},
        {**ORDER, "properties": {"id": {"$ref": "#/anyOf/" + "9" * 5000}}, "anyOf": [{}]},
        {**ORDER, "properties": {"id": {"$ref": "#/anyOf/-1"}}, "anyOf": [{}]},
        {**ORDER, "properties": {"id": {"$ref": "#/required/0"}}, "required": ["id"]},
        {**ORDER, "properties": {"id": {"$ref": "#/$defs/a~1b"}}, "$defs": {"a": {"b": {}}}},
        {**ORDER, "properties": {"id": {"$ref": "//[/x"}}},
    ],
)
def test_a_reference_without_a_target_is_rejected_by_name(schema: Any) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    with pytest.raises(InvalidRequestError) as rejected:
        translate(tools=[tool])
    assert (rejected.value.param, rejected.value.code) == (
        "tools[0].function.parameters",
        "invalid_function_parameters",
    )
    with pytest.raises(InvalidRequestError) as rejected:
        translate(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert (rejected.value.param, rejected.value.code) == ("response_format.json_schema.schema", "invalid_json_schema")


@pytest.mark.parametrize(
    "schema",
    [
        {**ORDER, "properties": {"next": {"$ref": "#"}, "id": {"$ref": "#/properties/next"}}},
        {**ORDER, "properties": {"id": {"$ref": "#/$defs/a~1b~0c%20d"}}, "$defs": {"a/b~c d": {"type": "string"}}},
        {**ORDER, "properties": {"id": {"$ref": "#/anyOf/0"}}, "anyOf": [{"type": "object"}]},
        {**ORDER, "properties": {"id": {"$ref": "#id"}}, "$defs": {"x": {"$anchor": "id"}}},
        {
            **ORDER,
            "$id": "https://example.com/order.json",
            "properties": {"id": {"$ref": "order.json#/$defs/x"}},
            "$defs": {"x": {}},
        },
    ],
)
def test_valid_references_are_unchanged(schema: Any) -> None:
    assert converted(schema) == (schema, [])


@pytest.mark.parametrize(
    ("schema", "name", "definition"),
    [
        (
            {"properties": {"a": {"$ref": "#/properties/b~1c%20d/anyOf/1"}, "b/c d": {"anyOf": [{}, {"const": "z"}]}}},
            "1",
            {"enum": ["z"]},
        ),
        ({"properties": {"a": {"$ref": "#/allOf/0"}}, "allOf": [{"type": "object"}]}, "0", {"type": "object"}),
        (
            {
                "properties": {"a": {"$ref": "https://example.com/x/y#/$defs/z"}},
                "$defs": {"y": {"$id": "https://example.com/x/y", "$defs": {"z": {"type": "string"}}}},
            },
            "z",
            {"type": "string"},
        ),
        (
            {
                "properties": {"a": {"$ref": "#/definitions/A"}, "b": {"$ref": "#/$defs/A", "title": "t"}},
                "$defs": {"A": {"type": "string"}},
                "definitions": {"A": {"type": "integer"}},
            },
            "A_definitions",
            {"type": "integer"},
        ),
    ],
)
def test_references_to_any_path_become_references_to_a_definition(schema: Any, name: str, definition: Any) -> None:
    sent, _ = converted(schema)
    assert sent["properties"]["a"] == {"$ref": f"#/$defs/{name}"}
    assert sent["$defs"][name] == definition


@pytest.mark.parametrize(
    ("given", "sent", "note"),
    [
        ("STRING", "string", "converted"),
        (["STRING", "NULL"], ["string", "null"], "converted"),
        ("any", None, "dropped"),
        (["str", "null"], None, "dropped"),
        (5, None, "dropped"),
    ],
)
def test_rule_043_unknown_types_are_rewritten_or_rejected(given: Any, sent: Any, note: str) -> None:
    schema, notes = converted({"type": "object", "properties": {"a": {"type": given, "description": "d"}}})
    assert schema["properties"]["a"] == {"description": "d"} | ({} if sent is None else {"type": sent})
    assert [text.split()[0] for text in notes] == [note]


def test_parameters_in_geminis_own_spelling_are_those_of_an_object() -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}
    upstream = translate(tools=[{"type": "function", "function": {"name": "f", "parameters": schema}}])
    declared = upstream.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert declared == {"type": "object", "properties": {"a": {"type": "integer"}}}
