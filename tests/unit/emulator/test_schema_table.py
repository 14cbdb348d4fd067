"""The committed table of types equals the table that the script derives, with the additions newer than the source."""

import json

from api.emulator.derive_schema import TABLE, derive, dump
from api.emulator.schema import snake_case, table
from tests.recorded import GEMINI_OPENAPI


def test_the_committed_table_is_the_derived_one() -> None:
    derived = derive(json.loads(GEMINI_OPENAPI.read_text("utf-8")))
    assert json.loads(TABLE.read_text("utf-8")) == derived
    assert TABLE.read_text("utf-8") == dump(derived)


def test_the_table_has_fields_that_google_added_later() -> None:
    types = table()
    assert types.messages["GenerateContentRequest"]["continuation_token"].kind == "bytes"
    assert types.messages["Part"]["audioTranscription"].kind == "Transcription"
    assert "XHIGH" in types.enums["ThinkingConfig.ThinkingLevel"]
    assert {"CONTINUATION", "PUP_LIMITED_DISABLED"} <= types.enums["Candidate.FinishReason"].keys()


def test_the_table_has_every_referenced_type() -> None:
    types = table(vertex=True)
    kinds = {field.kind for fields in types.messages.values() for field in fields.values()}
    inner = {kind.removeprefix("map<").removesuffix(">") for kind in kinds}
    assert {kind for kind in inner if kind[0].isupper()} <= types.messages.keys()
    assert {kind.removeprefix("enum:") for kind in inner if kind.startswith("enum:")} <= types.enums.keys()


def test_the_table_has_field_names_in_both_spellings() -> None:
    assert snake_case("parametersJsonSchema") == "parameters_json_schema"
    declaration = table().messages["FunctionDeclaration"]
    assert declaration["parametersJsonSchema"] is declaration["parameters_json_schema"]
