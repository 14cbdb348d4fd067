"""The work on a schema grows linearly with its size, for any shape, and the expansion of references is limited."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from api.emulator.rules.schemas import check_json_schema
from api.translate.request.context import RequestContext
from api.translate.schema import schema_to_gemini
from tests.unit.translate.requests import FLASH_2

# Twice the size may take slightly more than twice the time, but not four times.
MOST = 3.0


def _plain(size: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"p{index}": {"type": "string"} for index in range(size)}}


def _definitions(size: int, **beside: Any) -> dict[str, Any]:
    return {f"d{index}": {"type": "string", "maxLength": index, **beside} for index in range(size)}


SHAPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "members of allOf": lambda size: {
        "allOf": [{"properties": {f"p{index}": {"type": "string"}}} for index in range(size)]
    },
    "closed members of allOf": lambda size: {
        "allOf": [{"properties": {f"p{index}": {}}, "additionalProperties": False} for index in range(size)]
    },
    "members of allOf that require one thing": lambda size: {
        "allOf": [{"required": ["a", f"p{i}"]} for i in range(size)]
    },
    "two long lists of required names": lambda size: {
        "allOf": [{"required": [f"{side}{index}" for index in range(size)]} for side in "ab"]
    },
    "two long enums": lambda size: {
        "allOf": [{"enum": [*range(size)]}, {"enum": [str(index) for index in range(size)] + [*range(size)]}]
    },
    "members of allOf with one property": lambda size: {
        "allOf": [{"properties": {"a": {"maxLength": index + 1}}} for index in range(size)]
    },
    "a mixed enum": lambda size: {"enum": [item for index in range(size) for item in (index, str(index))]},
    "enums of objects": lambda size: {
        "properties": {f"p{index}": {"enum": [{"a": index}, {"b": index}]} for index in range(size)}
    },
    "references beside definitions with an $id": lambda size: {
        "type": "object",
        "properties": {f"p{index}": {"$ref": f"https://example.com/d{index}"} for index in range(size)},
        "$defs": {f"d{index}": {"$id": f"https://example.com/d{index}", "type": "string"} for index in range(size)},
    },
    "references by name": lambda size: {
        "properties": {f"p{index}": {"$ref": f"#n{index}"} for index in range(size)},
        "$defs": {f"d{index}": {"$anchor": f"n{index}"} for index in range(size)},
    },
    "references to many places": lambda size: {
        "properties": {f"p{index}": {"const": index} for index in range(size)},
        "items": {"anyOf": [{"$ref": f"#/properties/p{index}"} for index in range(size)]},
    },
    "a chain of references": lambda size: {
        "allOf": [{"$ref": "#/$defs/d0"}, {"minLength": 1}],
        "$defs": {f"d{index}": {"allOf": [{"$ref": f"#/$defs/d{min(index + 1, size - 1)}"}]} for index in range(size)},
    },
    "references with something beside them": lambda size: {
        "properties": {f"p{index}": {"$ref": f"#/$defs/d{index}", "minLength": 1} for index in range(size)},
        "$defs": _definitions(size),
    },
    "definitions that lead to each other": lambda size: {
        "allOf": [{"$ref": "#/$defs/d0"}],
        "$defs": {f"d{index}": {"$ref": f"#/$defs/d{(index + 1) % size}", "title": "t"} for index in range(size)},
    },
    "types of a union": lambda size: {
        "type": ["string", "number"],
        "anyOf": [{"maxLength": index} for index in range(size)],
    },
    "branches": lambda size: {"anyOf": [{"const": index} for index in range(size)]},
    "keywords left out": lambda size: {"properties": {f"p{index}": {"not": {"minimum": 1}} for index in range(size)}},
    "non-standard keywords": lambda size: {f"x-{index}": index for index in range(size)},
    "long names of levels": lambda size: {
        "properties": {"n" * size: {"properties": {f"p{index}": {"if": {}} for index in range(size // 10)}}}
    },
    "patterns": lambda size: {"patternProperties": {f"^p{index}": {"type": "string"} for index in range(size)}},
    "long tuples": lambda size: {"allOf": [{"prefixItems": [{"type": "string"}] * size}, {"items": [{}] * size}]},
    "taken as it is": _plain,
}


def _seconds(work: Callable[[dict[str, Any]], Any], schema: dict[str, Any]) -> float:
    best = float("inf")
    for _ in range(4):
        start = time.process_time()
        work(schema)
        best = min(best, time.process_time() - start)
    return best


def _rewrite(schema: dict[str, Any]) -> Any:
    return schema_to_gemini(schema, param="p", context=RequestContext(profile=FLASH_2))


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_schema_is_twice_the_work(shape: str) -> None:
    small, large = SHAPES[shape](500), SHAPES[shape](1000)
    _rewrite(small)
    assert _seconds(_rewrite, large) < MOST * _seconds(_rewrite, small) + 0.002


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_schema_is_twice_the_work_of_the_emulator(shape: str) -> None:
    small, large = _rewrite(SHAPES[shape](500)), _rewrite(SHAPES[shape](1000))
    assert _seconds(check_json_schema, large) < MOST * _seconds(check_json_schema, small) + 0.002
