"""JSON output matches the schema, has the prompt's values, and keeps the order of fields."""

import json
from typing import Any

import pytest

from tests.unit.emulator.conftest import Gemini, candidate_text

STRING = {"type": "string"}
PERSON = {
    "type": "object",
    "properties": {"name": STRING, "age": {"type": "integer"}, "city": STRING, "nick": {"type": ["string", "null"]}},
    "required": ["name", "age", "city"],
}
NODE = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
        }
    },
    "$ref": "#/$defs/Node",
}
PETS = {
    "type": "object",
    "properties": {
        "pet": {
            "oneOf": [
                {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}},
                {
                    "type": "object",
                    "properties": {"kind": {"const": "dog"}, "tricks": {"type": "array", "items": STRING}},
                },
            ]
        }
    },
    "required": ["pet"],
}


def response(gemini: Gemini, *prompt: str, **config: Any) -> Any:
    return json.loads(
        candidate_text(gemini.ask(*prompt, generationConfig={"responseMimeType": "application/json"} | config))
    )


def test_values_come_from_the_prompt(gemini: Gemini) -> None:
    value = response(gemini, "Ada is 36 years old and lives in London.", responseJsonSchema=PERSON)
    assert value == {"name": "Ada", "age": 36, "city": "London", "nick": None}
    earlier = response(gemini, "Ada is 36 and lives in London.", "Ok", "extract it as json", responseJsonSchema=PERSON)
    assert (earlier["name"], earlier["age"]) == ("Ada", 36)


def test_without_a_schema_the_prompt_names_the_keys(gemini: Gemini) -> None:
    value = response(gemini, "Tell me a joke. Return JSON with 'setup' and 'punchline' keys.")
    assert list(value) == ["setup", "punchline"]


@pytest.mark.parametrize(("kind", "expected"), [("number", 4), ("string", "[Gemini emulator] 2 + 2 = 4.")])
def test_an_answer_field_has_the_text_output(gemini: Gemini, kind: str, expected: object) -> None:
    properties = {"steps": {"type": "array", "items": STRING}, "answer": {"type": kind}}
    value = response(gemini, "What is 2 + 2?", responseJsonSchema={"type": "object", "properties": properties})
    assert value["answer"] == expected


def test_order_ranges_and_counts_of_an_openapi_schema_are_kept(gemini: Gemini) -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "b": {
                "type": "ARRAY",
                "items": {"type": "INTEGER", "minimum": 5, "maximum": 9},
                "minItems": "3",
                "maxItems": "3",
            },
            "a": {"type": "STRING", "enum": ["red", "green"]},
            "c": {"type": "STRING", "maxLength": "4"},
        },
        "required": ["a", "b", "c"],
        "propertyOrdering": ["c", "a", "b"],
    }
    value = response(gemini, "Something green", responseSchema=schema)
    assert list(value) == ["c", "a", "b"]
    assert value["a"] == "green"
    assert [5 <= entry <= 9 for entry in value["b"]] == [True] * 3
    assert len(value["c"]) <= 4


def test_references_recursion_and_alternatives_are_filled(gemini: Gemini) -> None:
    value = response(gemini, "Give me a list", responseJsonSchema=NODE)
    depth = 0
    while value["next"]:
        value, depth = value["next"], depth + 1
    assert depth <= 8
    endless = {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}}, "$ref": "#/$defs/A"}
    assert isinstance(response(gemini, "Go", responseJsonSchema=endless), str)
    nested = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert "a" in response(gemini, "Go", responseJsonSchema=nested)
    assert response(gemini, "My dog can sit", responseJsonSchema=PETS)["pet"]["kind"] == "dog"
    assert response(gemini, "My cat has 9 lives", responseJsonSchema=PETS)["pet"] == {"kind": "cat", "lives": 9}


@pytest.mark.parametrize(
    "schema", [{"type": "array", "items": STRING}, {"type": "boolean"}, {"type": "integer", "enum": [3]}]
)
def test_the_root_schema_may_have_any_type(gemini: Gemini, schema: Any) -> None:
    value = response(gemini, "List Paris and Rome", responseJsonSchema=schema)
    assert value in (["Paris", "Rome"], False, 3)


def test_json_without_a_schema_is_an_object_marked_as_emulated(gemini: Gemini) -> None:
    value = response(gemini, "What is the capital of France?")
    assert value["emulator"] == "[Gemini emulator]"
    assert "Paris" in value["answer"]


def test_enum_output_is_plain_text(gemini: Gemini) -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["GOOD", "BAD"]}}
    assert candidate_text(gemini.ask("Is spam bad?", generationConfig=config)) == "BAD"


def test_json_is_streamed_whole(gemini: Gemini) -> None:
    config = {"responseMimeType": "application/json", "responseJsonSchema": PERSON}
    chunks = gemini.stream("Ada is 36 and lives in London.", generationConfig=config)
    assert json.loads("".join(candidate_text(chunk) for chunk in chunks))["name"] == "Ada"
