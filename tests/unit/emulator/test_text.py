"""The text output of the emulated model: plausible, deterministic, and always marked as emulated."""

import pytest

from tests.unit.emulator.conftest import NEW, OLD, Gemini, candidate_text, contents

MARK = "[Gemini emulator]"


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        (["Hello!"], "How can I help you today?"),
        (["My name is Ada."], "Ada"),
        (["My name is Ada.", "Hi", "What is my name?"], "Your name is Ada."),
        (["I'm Ada and I like tea", "Hi", "Who am I?"], "Your name is Ada."),
        (["My name is Ada.", "Hi", "Call me Grace.", "Fine", "What's my name?"], "Your name is Grace."),
        (["What is my name?"], "You have not told me your name"),
        (["Remember the number 42.", "Yes", "Which number did I ask you to remember?"], "42"),
        (["I live in Paris.", "Nice", "Where do I live?"], "Paris"),
        (["The launch code is 7319.", "Noted", "What is the launch code?"], "7319"),
        (["My favourite colour is green", "Ok", "What is my favourite colour?"], "green"),
        (["First thing", "Yes", "Second", "Yes", "What was my first message?"], "First thing"),
        (["Hello", "I am a teapot", "What did you just say?"], "I am a teapot"),
        (["Count to five"], "1, 2, 3, 4, 5."),
        (["Count from 3 to 1"], "3, 2, 1."),
        (["What is 12 times 4?"], "= 48."),
        (["What is 7 / 2?"], "= 3.5."),
        (["What is 1 / 0?"], "Nothing can be divided by zero."),
        (["Say this is a test"], "this is a test"),
        (["Reply with exactly: pong"], "pong"),
        (["Say 'a b c' please"], "a b c"),
        (["What is the capital of France?"], "Paris"),
        (["List three colors"], "1. red\n2. green\n3. blue"),
        (["Explain monads"], "“Explain monads”"),
        ([" "], "I am ready."),
    ],
)
def test_the_text_output_follows_from_the_conversation(gemini: Gemini, conversation: list[str], expected: str) -> None:
    for model in (OLD, NEW):
        text = candidate_text(gemini.ask(*conversation, model=model))
        assert text.startswith(MARK)
        assert expected in text


def test_a_story_has_several_sentences(gemini: Gemini) -> None:
    text = candidate_text(gemini.ask("Tell me a story about a fox"))
    assert "fox" in text
    assert text.count(". ") > 4


def test_the_text_output_shows_and_uses_the_system_instruction(gemini: Gemini) -> None:
    system = {"parts": [{"text": "You are a pirate."}, {"text": "The secret word is xyzzy."}]}
    text = candidate_text(gemini.ask("What is the secret word?", systemInstruction=system))
    assert "xyzzy" in text
    assert "You are a pirate." in text


def test_function_results_are_repeated_and_looked_up_later(gemini: Gemini) -> None:
    messages = [
        *contents("What is the temperature?"),
        {"role": "model", "parts": [{"functionCall": {"name": "thermometer", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "thermometer", "response": {"celsius": 21.5}}}]},
    ]
    response = gemini.post(OLD, {"contents": messages}).json()
    assert "thermometer returned 21.5" in candidate_text(response)
    later = [*messages, response["candidates"][0]["content"], *contents("What did the thermometer show?")]
    assert "21.5" in candidate_text(gemini.post(OLD, {"contents": later}).json())


@pytest.mark.parametrize(
    ("model", "result", "empty"),
    [
        (NEW, {"id": "abc", "name": "f"}, False),
        (NEW, {"name": "f"}, False),
        (NEW, {"id": "xyz", "name": "f"}, True),
        (NEW, {"id": "abc", "name": "g"}, True),
        ("gemini-3.5-flash", {"id": "abc", "name": "f"}, False),
        ("gemini-3.5-flash", {"name": "f"}, True),
        (OLD, {"name": "g"}, False),
    ],
)
def test_newer_models_send_no_content_for_a_result_without_a_call_id(
    gemini: Gemini, model: str, result: dict[str, str], empty: bool
) -> None:
    call = {"functionCall": {"id": "abc", "name": "f"}, "thoughtSignature": "skip_thought_signature_validator"}
    messages = [
        *contents("Do it"),
        {"role": "model", "parts": [call]},
        {"role": "user", "parts": [{"functionResponse": {**result, "response": {"ok": True}}}]},
    ]
    candidate = gemini.post(model, {"contents": messages}).json()["candidates"][0]
    assert candidate["finishReason"] == "STOP"
    assert ("parts" not in candidate["content"]) == empty


def test_the_text_output_lists_the_media(gemini: Gemini) -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    response = gemini.post(NEW, {"contents": [{"parts": [{"text": "What is this?"}, image]}]}).json()
    assert "image/png" in candidate_text(response)
    assert {"modality": "IMAGE", "tokenCount": 258} in response["usageMetadata"]["promptTokensDetails"]


def test_models_with_several_candidates_return_different_texts(gemini: Gemini) -> None:
    response = gemini.ask("Hello", model=OLD, generationConfig={"candidateCount": 3})
    assert [candidate["index"] for candidate in response["candidates"]] == [0, 1, 2]
    texts = {candidate["content"]["parts"][0]["text"] for candidate in response["candidates"]}
    assert len(texts) == 3


def test_equal_requests_get_equal_responses_with_different_ids(gemini: Gemini) -> None:
    first, second = gemini.ask("Tell me a poem"), gemini.ask("Tell me a poem", generationConfig={"seed": 7})
    assert candidate_text(first) == candidate_text(second)
    assert first["responseId"] != second["responseId"]
