"""Unread fields of input items: named with their paths and not stored; fields without meaning are not named."""

from typing import Any, get_args

import pytest
from openai.types import responses as sdk
from openai.types.responses.response_input_item_param import ResponseInputItemParam
from typing_extensions import get_type_hints

from api.translate.responses.input.item_fields import unread_fields
from sessions_store.transcript.canonical import canonical_message
from tests.unit.responses.building import own_messages, parsed, translate
from tests.unit.translate.requests import PIXEL

CACHED: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
ODD: dict[str, Any] = {"foo": 1, "bar": None}
CALL = {"type": "function_call", "call_id": "c1", "name": "time", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "12:00"}
IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}
FILE = {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}
SOUND = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
CACHES, UNKNOWN = "Gemini caches prompts automatically", "unknown parameter"


def item_of_parts(*parts: Any, role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(parts), **fields}


def words(kind: str = "input_text", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "text": "Hi", **fields}


FIELDS: dict[str, tuple[list[Any], list[str]]] = {
    "message": ([item_of_parts(words(), **ODD)], [f"input[0].foo: {UNKNOWN}"]),
    "message without a type": ([{"role": "user", "content": "Hi", **CACHED}], [f"input[0].cache_control: {CACHES}"]),
    "instruction": ([item_of_parts(words(**ODD), role="developer")], [f"input[0].content[0].foo: {UNKNOWN}"]),
    "answer": (
        [item_of_parts(words("output_text", **ODD), role="assistant", **CACHED)],
        [f"input[0].cache_control: {CACHES}", f"input[0].content[0].foo: {UNKNOWN}"],
    ),
    "refusal": (
        [item_of_parts({"type": "refusal", "refusal": "No.", **ODD}, role="assistant")],
        [f"input[0].content[0].foo: {UNKNOWN}"],
    ),
    "second part of the third item": (
        [
            item_of_parts(words()),
            item_of_parts(words("output_text"), role="assistant"),
            item_of_parts(words(), words(**CACHED)),
        ],
        [f"input[2].content[1].cache_control: {CACHES}"],
    ),
    "breakpoint": (
        [item_of_parts(words(prompt_cache_breakpoint={"mode": "explicit"}))],
        [f"input[0].content[0].prompt_cache_breakpoint: {CACHES}"],
    ),
    "image": ([item_of_parts({**IMAGE, **ODD})], [f"input[0].content[0].foo: {UNKNOWN}"]),
    "file": (
        [item_of_parts({**FILE, **CACHED, "detail": "high"}, {**FILE, "detail": "auto"})],
        [f"input[0].content[0].cache_control: {CACHES}", "input[0].content[0].detail: only images have a detail"],
    ),
    "sound": ([item_of_parts({**SOUND, **ODD})], [f"input[0].content[0].foo: {UNKNOWN}"]),
    "call and result": (
        [{**CALL, **ODD}, {**RESULT, "is_error": True}],
        [f"input[0].foo: {UNKNOWN}", f"input[1].is_error: {UNKNOWN}"],
    ),
    "part of a result": (
        [CALL, {**RESULT, "output": [words(**CACHED), {**IMAGE, **ODD}]}],
        [f"input[1].output[0].cache_control: {CACHES}", f"input[1].output[1].foo: {UNKNOWN}"],
    ),
    "breakpoint in a result": (
        [CALL, {**RESULT, "output": [words(prompt_cache_breakpoint={"mode": "explicit"})]}],
        [f"input[1].output[0].prompt_cache_breakpoint: {CACHES}"],
    ),
    "reasoning": (
        [{"type": "reasoning", "summary": [words("summary_text", **ODD)], **ODD}],
        [f"input[0].foo: {UNKNOWN}", f"input[0].summary[0].foo: {UNKNOWN}"],
    ),
    "image of an answer": (
        [{"type": "image_generation_call", "result": PIXEL, **ODD}],
        [f"input[0].foo: {UNKNOWN}"],
    ),
}


@pytest.mark.parametrize(("items", "expected"), FIELDS.values(), ids=FIELDS)
def test_an_unread_item_field_is_named_once_with_its_path(items: list[Any], expected: list[str]) -> None:
    dropped = [str(note) for note in translate(input=[*items, item_of_parts(words())]).notes if note.kind == "dropped"]
    assert sorted(dropped) == [f"dropped {note}" for note in expected]


STORED = {name: items for name, (items, _) in FIELDS.items() if "breakpoint" not in name}


@pytest.mark.parametrize("items", STORED.values(), ids=STORED)
def test_an_unread_item_field_changes_no_message(items: list[Any]) -> None:
    odd = {*CACHED, *ODD, "is_error", "detail"}

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(entry) for entry in value]
        if isinstance(value, dict):
            return {name: without(entry) for name, entry in value.items() if name not in odd}
        return value

    kept, plain = (own_messages(parsed(input=given)).messages for given in (items, without(items)))
    assert [canonical_message(message) for message in kept] == [canonical_message(message) for message in plain]


def test_names_of_unread_fields_are_printable() -> None:
    odd: dict[str, Any] = {"a\nb" + "x" * 500: 1}
    [note] = unread_fields([item_of_parts(words(), **odd)])
    assert str(note).isprintable()
    assert len(note.param) < 200


def sdk_items() -> list[Any]:
    """Return an item of each kind with every field of OpenAI's types."""
    found = []
    for kind in get_args(ResponseInputItemParam):
        hints = get_type_hints(kind)
        for name in get_args(hints["type"]):
            if isinstance(name, str):
                found.append(pytest.param({**dict.fromkeys(hints, "x"), "type": name}, id=kind.__name__))
    return found


@pytest.mark.parametrize("item", sdk_items())
def test_output_fields_of_openais_items_are_not_named(item: dict[str, Any]) -> None:
    assert not list(unread_fields([item, {**item, "created_by": "x"}]))


PARTS: dict[str, Any] = {
    "input_text": sdk.ResponseInputTextParam,
    "input_image": sdk.ResponseInputImageParam,
    "input_file": sdk.ResponseInputFileParam,
    "input_audio": sdk.ResponseInputAudioParam,
    "output_text": sdk.ResponseOutputTextParam,
    "refusal": sdk.ResponseOutputRefusalParam,
}


@pytest.mark.parametrize(("kind", "part"), PARTS.items())
def test_output_fields_of_openais_parts_are_not_named(kind: str, part: Any) -> None:
    notes = unread_fields([item_of_parts({**dict.fromkeys(get_type_hints(part), "x"), "type": kind})])
    named = {note.param.rpartition(".")[2] for note in notes}
    assert named <= {"prompt_cache_breakpoint"} | ({"detail"} if kind == "input_file" else set())
