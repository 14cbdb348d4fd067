"""The committed table of types is the one that the script derives, and knows what is newer than its source."""

import json

from api.emulator.derive_schema import TABLE, derive, dump
from api.emulator.schema import snake_case, table
from tests.recorded import GEMINI_OPENAPI


def test_the_committed_table_is_the_derived_one() -> None:
    derived = derive(json.loads(GEMINI_OPENAPI.read_text("utf-8")))
    assert json.loads(TABLE.read_text("utf-8")) == derived
    assert TABLE.read_text("utf-8") == dump(derived)


def test_fields_that_google_added_later_are_known() -> None:
    types = table()
    assert types.messages["GenerateContentRequest"]["continuation_token"].kind == "bytes"
    assert types.messages["Part"]["audioTranscription"].kind == "Transcription"
    assert "XHIGH" in types.enums["ThinkingConfig.ThinkingLevel"]
    assert {"CONTINUATION", "PUP_LIMITED_DISABLED"} <= types.enums["Candidate.FinishReason"].keys()


def test_every_type_that_is_named_is_there() -> None:
    types = table(vertex=True)
    kinds = {field.kind for fields in types.messages.values() for field in fields.values()}
    inner = {kind.removeprefix("map<").removesuffix(">") for kind in kinds}
    assert {kind for kind in inner if kind[0].isupper()} <= types.messages.keys()
    assert {kind.removeprefix("enum:") for kind in inner if kind.startswith("enum:")} <= types.enums.keys()


def test_names_are_known_in_both_spellings() -> None:
    assert snake_case("parametersJsonSchema") == "parameters_json_schema"
    declaration = table().messages["FunctionDeclaration"]
    assert declaration["parametersJsonSchema"] is declaration["parameters_json_schema"]
