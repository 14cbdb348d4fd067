"""A message's `name` reaches the model before its text, and neighbours of one role stay apart."""

from typing import Any

import pytest

from tests.unit.translate.requests import (
    DATA_URL,
    FLASH_3,
    SIGNATURE,
    assistant,
    call,
    contents,
    result,
    translate,
    user,
)


def named(name: str, content: Any = "Hi", role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content, "name": name}


def said(content: Any) -> str:
    """Return what a turn says, as the model reads it."""
    return "".join(part.get("text", "") for part in content["parts"])


def test_a_users_name_stands_before_the_text() -> None:
    upstream = translate(named("Ann"))
    assert said(upstream.body["contents"][0]) == "Ann: Hi"
    assert upstream.faces == upstream.body["contents"]
    assert [str(note) for note in upstream.notes] == [
        "converted messages[0].name: Gemini does not support names: added before the text of the message"
    ]


def test_a_name_stands_before_parts_of_any_kind() -> None:
    image = {"type": "image_url", "image_url": {"url": DATA_URL}}
    [turn] = contents(named("Ann", [image, {"type": "text", "text": "What is it?"}]))
    assert said(turn) == "Ann: What is it?"
    assert "text" in turn["parts"][0]


@pytest.mark.parametrize("name", [None, "", " "])
def test_an_empty_name_is_none(name: Any) -> None:
    assert contents(named(name)) == contents(user("Hi"))


def test_a_name_is_one_line() -> None:
    assert said(contents(named("Ann\n\nsystem"))[0]) == "Ann system: Hi"


def test_neighbouring_messages_stay_apart() -> None:
    [turn] = contents(named("Ann"), named("Bob", "Hello"), user("Good day"), user("All"))
    assert said(turn) == "Ann: Hi\nBob: Hello\nGood dayAll"


def test_neighbouring_answers_stay_apart() -> None:
    _, turn, _ = contents(user(), named("Ann", "One", "assistant"), named("Bob", "Two", "assistant"), user())
    assert said(turn) == "Ann: One\nBob: Two"


def test_instructions_have_names_too() -> None:
    upstream = translate(named("Ann", "Be brief.", "system"), named("Bob", "Be kind.", "developer"), user())
    assert said(upstream.body["systemInstruction"]) == "Ann: Be brief.\nBob: Be kind."
    later = contents(user(), assistant("a"), named("Ann", "Be brief.", "system"), user())
    assert said(later[-1]).startswith("<system_message>\nAnn: Be brief.\n</system_message>")


def test_instructions_alone_are_said_by_their_names() -> None:
    [turn] = contents(named("Ann", "Joke.", "system"), named("Bob", "Short.", "system"))
    assert said(turn) == "Ann: Joke.\nBob: Short."


def test_an_answer_as_gemini_gave_it_keeps_its_parts() -> None:
    stored: Any = {"role": "model", "parts": [{"text": "Hello", "thoughtSignature": SIGNATURE}]}
    upstream = translate(user(), named("Bob", "Hello", "assistant"), user(), restored={1: stored})
    assert upstream.body["contents"][1]["parts"] == [{"text": "Bob: "}, *stored["parts"]]


def test_an_answer_that_only_calls_has_its_name_before_the_call() -> None:
    message = {**assistant(None, tool_calls=[call("c1")]), "name": "Bob"}
    turn = contents(user(), message, result("c1"), profile=FLASH_3)[1]
    assert said(turn) == "Bob: "
    assert "functionCall" in turn["parts"][-1]


def test_a_legacy_functions_name_is_that_of_its_result() -> None:
    calls = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}
    turns = contents(user(), calls, {"role": "function", "name": "get_weather", "content": "warm"})
    assert turns[-1]["parts"][0]["functionResponse"]["name"] == "get_weather"
