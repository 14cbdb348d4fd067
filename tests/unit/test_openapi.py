"""The OpenAPI document: every endpoint and parameter, and golden files that match the schemas."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from api.openapi.document import document, endpoints
from api.openapi.schemas import EXPLAINED, REF
from api.views.health import HealthView
from api.views.operation import operation_of
from api.views.unknown import UnknownView
from tests.golden_cases import REQUEST, cases, parametrize, read

DESCRIBED = document()
SCHEMAS = DESCRIBED["components"]["schemas"]
REQUESTS = {"chat": "ChatCompletionRequest", "completions": "CompletionRequest", "responses": "ResponsesRequest"}
ANSWERS = {"chat": "ChatCompletion", "completions": "CompletionObject", "responses": "Response"}


def fits(name: str, value: Any) -> None:
    """Raise if a value does not match the schema of this name."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="it comes with schemathesis (requirements-dev.txt)")
    schema = {"$ref": f"{REF}{name}", "components": DESCRIBED["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(value)


def references(value: Any) -> Iterator[str]:
    """Yield all `$ref`s below a value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for entry in value.values():
            yield from references(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from references(entry)


def test_every_endpoint_is_described_and_no_other() -> None:
    assert [(path, method) for path, _, method in endpoints()] == [
        (path, method) for path, methods in DESCRIBED["paths"].items() for method in methods
    ]


def test_operation_names_are_unique() -> None:
    names = [operation_of(view, method).name for _, view, method in endpoints()]
    assert len(names) == len(set(names))


def test_a_method_without_a_description_is_found() -> None:
    assert operation_of(HealthView, "get").name == "getHealth"
    with pytest.raises(LookupError, match=r"UnknownView\.get has no @Operation"):
        operation_of(UnknownView, "get")


def test_references_have_targets() -> None:
    for reference in set(references(DESCRIBED)):
        found: Any = DESCRIBED
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


@pytest.mark.parametrize("name", EXPLAINED)
def test_every_parameter_is_described_with_its_effect(name: str) -> None:
    fields = SCHEMAS[name]["properties"]
    for parameter in EXPLAINED[name]:
        assert parameter.what in fields[parameter.name]["description"]


def test_parameters_that_the_parser_needs_are_required() -> None:
    assert SCHEMAS["ChatCompletionRequest"]["required"] == ["model", "messages"]
    assert SCHEMAS["MetadataUpdate"]["required"] == ["metadata"]
    assert "unknown" not in SCHEMAS["ChatCompletionRequest"]["properties"]
    [metadata, _] = SCHEMAS["ResponsesRequest"]["properties"]["metadata"]["anyOf"]
    assert metadata["maxProperties"] == 16


@parametrize(cases())
def test_golden_requests_match_their_schema(case: Path) -> None:
    fits(REQUESTS[case.parent.name], {"model": "gpt-4", **read(case / REQUEST)})


@parametrize(cases(holding="openai_response.json"))
def test_golden_responses_match_their_schema(case: Path) -> None:
    fits(ANSWERS[case.parent.name], read(case / "openai_response.json"))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("ChatCompletionRequest", {"model": "gpt-4", "messages": []}),
        ("ChatCompletionRequest", {"model": "gpt-4", "messages": [{"role": "nobody", "content": "Hi"}]}),
        ("ChatCompletionRequest", {"model": "gpt-4", "messages": [], "tools": [{"type": "function"}]}),
        ("ResponsesRequest", {"model": "gpt-4", "input": [{"type": "no_such_item"}]}),
        ("ResponsesRequest", {"model": "gpt-4", "input": "Hi", "tool_choice": {"type": "no_such_tool"}}),
        ("ChatCompletion", {"id": "chatcmpl-1"}),
    ],
)
def test_invalid_values_do_not_match_their_schema(name: str, wrong: Any) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="it comes with schemathesis (requirements-dev.txt)")
    with pytest.raises(jsonschema_rs.ValidationError):
        fits(name, wrong)


def test_the_command_prints_the_committed_file() -> None:
    printed = StringIO()
    call_command("openapi", stdout=printed)
    assert json.loads(printed.getvalue()) == DESCRIBED
