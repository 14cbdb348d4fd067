"""Thought signatures: issued on the right part, required since the current prompt, and bound to the signed part."""

import base64
import copy
from typing import Any

import pytest

from tests.unit.emulator.conftest import NEW, OLD, Gemini, contents, declared, parts_of

WEATHER = declared("get_weather", "Get the weather of a city", city={"type": "string"})
PROMPT = "What is the weather in Paris and London?"
MISSING = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
    "correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call "
    "`default_api:get_weather` , position 2. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures "
    "for more details."
)


def called(gemini: Gemini, model: str = NEW) -> list[dict[str, Any]]:
    """Return the conversation after the model's calls and their results, for the next request."""
    answer = gemini.ask(PROMPT, model=model, tools=[WEATHER])
    results = [
        {"functionResponse": {**{k: v for k, v in part["functionCall"].items() if k != "args"}, "response": {"t": 21}}}
        for part in parts_of(answer)
    ]
    return [*contents(PROMPT), answer["candidates"][0]["content"], {"role": "user", "parts": results}]


def send(gemini: Gemini, conversation: Any, model: str = NEW) -> tuple[int, str]:
    response = gemini.post(model, {"contents": conversation, "tools": [WEATHER]})
    return response.status_code, response.json().get("error", {}).get("message", "")


def test_the_first_of_parallel_calls_is_signed_and_accepted_later(gemini: Gemini) -> None:
    conversation = called(gemini)
    assert ["thoughtSignature" in part for part in conversation[1]["parts"]] == [True, False]
    assert send(gemini, conversation) == (200, "")


def test_the_url_safe_alphabet_is_accepted(gemini: Gemini) -> None:
    conversation = called(gemini)
    first = conversation[1]["parts"][0]
    first["thought_signature"] = first.pop("thoughtSignature").replace("+", "-").replace("/", "_").rstrip("=")
    assert send(gemini, conversation) == (200, "")


def test_a_signature_covers_neither_the_call_id_nor_the_number_spelling(gemini: Gemini) -> None:
    conversation = called(gemini)
    for content, key in ((conversation[1], "functionCall"), (conversation[2], "functionResponse")):
        for number, part in enumerate(content["parts"]):
            part[key]["id"] = f"call_{number}"
    assert send(gemini, conversation) == (200, "")


def test_a_missing_signature_is_rejected_since_the_current_prompt_only(gemini: Gemini) -> None:
    conversation = called(gemini)
    del conversation[1]["parts"][0]["thoughtSignature"]
    assert send(gemini, conversation) == (400, MISSING)
    assert send(gemini, [*conversation, *contents("Thanks")])[0] == 200


def test_older_models_require_no_signature(gemini: Gemini) -> None:
    conversation = called(gemini, OLD)
    assert conversation[1]["parts"][0].pop("thoughtSignature")
    assert "id" not in conversation[1]["parts"][0]["functionCall"]
    assert send(gemini, conversation, OLD) == (200, "")


@pytest.mark.parametrize(
    "skip",
    [
        "skip_thought_signature_validator",
        "context_engineering_is_the_way_to_go",
        base64.b64encode(b"skip_thought_signature_validator").decode(),
        base64.b64encode(b"context_engineering_is_the_way_to_go").decode(),
    ],
)
def test_the_documented_values_skip_the_check(gemini: Gemini, skip: str) -> None:
    conversation = called(gemini)
    conversation[1]["parts"][0]["thoughtSignature"] = skip
    assert send(gemini, conversation) == (200, "")


def swap_to_second(parts: list[dict[str, Any]]) -> None:
    parts[1]["thoughtSignature"] = parts[0]["thoughtSignature"]


def change_arguments(parts: list[dict[str, Any]]) -> None:
    parts[0]["functionCall"]["args"] = {"city": "Rome"}


def garble(parts: list[dict[str, Any]]) -> None:
    signature = parts[0]["thoughtSignature"]
    parts[0]["thoughtSignature"] = signature[:60] + ("A" if signature[60] != "A" else "B") + signature[61:]


def invent(parts: list[dict[str, Any]]) -> None:
    parts[0]["thoughtSignature"] = base64.b64encode(b"made up elsewhere, and quite long enough").decode()


@pytest.mark.parametrize("damage", [swap_to_second, change_arguments, garble, invent])
def test_a_damaged_signature_is_rejected_before_the_current_prompt_too(gemini: Gemini, damage: Any) -> None:
    conversation = called(gemini)
    damage(conversation[1]["parts"])
    assert send(gemini, conversation) == (400, "Corrupted thought signature.")
    assert send(gemini, [*conversation, *contents("Thanks")]) == (400, "Corrupted thought signature.")


def test_a_signature_of_another_family_is_rejected(gemini: Gemini) -> None:
    conversation = called(gemini)
    for model, status in (("gemini-3.5-flash", 200), ("gemini-4-argon", 400), (OLD, 400)):
        assert send(gemini, copy.deepcopy(conversation), model)[0] == status


def test_text_is_signed_on_its_last_part(gemini: Gemini) -> None:
    answer = gemini.ask("Hello")
    assert parts_of(answer)[-1]["thoughtSignature"]
    replayed = [*contents("Hello"), answer["candidates"][0]["content"], *contents("And now?")]
    assert send(gemini, replayed) == (200, "")
    replayed[1]["parts"][0]["text"] += "!"
    assert send(gemini, replayed) == (400, "Corrupted thought signature.")


def test_a_stream_has_the_signature_on_an_empty_last_part(gemini: Gemini) -> None:
    chunks = gemini.stream("Tell me a story")
    parts = [part for chunk in chunks for part in parts_of(chunk)]
    assert parts[-1].keys() == {"text", "thoughtSignature"}
    assert parts[-1]["text"] == ""
    assert not any("thoughtSignature" in part for part in parts[:-1])
    joined = {"text": "".join(part["text"] for part in parts)}
    for replay, status in (
        ([joined, parts[-1]], 200),
        ([joined | {"thoughtSignature": parts[-1]["thoughtSignature"]}], 400),
    ):
        message = {"role": "model", "parts": replay}
        assert send(gemini, [*contents("Tell me a story"), message, *contents("More")])[0] == status
