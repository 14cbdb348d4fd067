"""The `name` of a message is sent before its text, and neighbours of one role are separate contents."""

from typing import Any

import pytest

from tests.exchanges import user_message
from tests.unit.translate.requests import (
    DATA_URL,
    FLASH_3,
    SIGNATURE,
    assistant,
    call,
    contents,
    result,
    translate,
)


def named(name: str, content: Any = "Hi", role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content, "name": name}


def text_of_content(content: Any) -> str:
    """Return the text of a content."""
    return "".join(part.get("text", "") for part in content["parts"])


def test_a_users_name_precedes_the_text() -> None:
    upstream = translate(named("Ann"))
    assert text_of_content(upstream.body["contents"][0]) == "Ann: Hi"
    assert upstream.gemini_contents == upstream.body["contents"]
    assert [str(note) for note in upstream.notes] == [
        "converted messages[0].name: Gemini does not support names: added before the text of the message"
    ]


def test_a_name_precedes_parts_of_any_kind() -> None:
    image = {"type": "image_url", "image_url": {"url": DATA_URL}}
    [turn] = contents(named("Ann", [image, {"type": "text", "text": "What is it?"}]))
    assert text_of_content(turn) == "Ann: What is it?"
    assert "text" in turn["parts"][0]


@pytest.mark.parametrize("name", [None, "", " "])
def test_an_empty_name_is_ignored(name: Any) -> None:
    assert contents(named(name)) == contents(user_message("Hi"))


def test_a_name_is_sent_as_one_line() -> None:
    assert text_of_content(contents(named("Ann\n\nsystem"))[0]) == "Ann system: Hi"


def test_neighbouring_messages_with_names_are_separate() -> None:
    [turn] = contents(named("Ann"), named("Bob", "Hello"), user_message("Good day"), user_message("All"))
    assert text_of_content(turn) == "Ann: Hi\nBob: Hello\nGood dayAll"


def test_neighbouring_assistant_messages_with_names_are_separate() -> None:
    _, turn, _ = contents(
        user_message(), named("Ann", "One", "assistant"), named("Bob", "Two", "assistant"), user_message()
    )
    assert text_of_content(turn) == "Ann: One\nBob: Two"


def test_instructions_have_names() -> None:
    upstream = translate(named("Ann", "Be brief.", "system"), named("Bob", "Be kind.", "developer"), user_message())
    assert text_of_content(upstream.body["systemInstruction"]) == "Ann: Be brief.\nBob: Be kind."
    later = contents(user_message(), assistant("a"), named("Ann", "Be brief.", "system"), user_message())
    assert text_of_content(later[-1]).startswith("<system_message>\nAnn: Be brief.\n</system_message>")


def test_instructions_without_other_messages_have_names() -> None:
    [turn] = contents(named("Ann", "Joke.", "system"), named("Bob", "Short.", "system"))
    assert text_of_content(turn) == "Ann: Joke.\nBob: Short."


def test_a_stored_content_with_a_name_keeps_its_parts() -> None:
    stored: Any = {"role": "model", "parts": [{"text": "Hello", "thoughtSignature": SIGNATURE}]}
    upstream = translate(user_message(), named("Bob", "Hello", "assistant"), user_message(), restored={1: stored})
    assert upstream.body["contents"][1]["parts"] == [{"text": "Bob: "}, *stored["parts"]]


def test_the_name_of_a_message_with_calls_only_precedes_the_call() -> None:
    message = {**assistant(None, tool_calls=[call("c1")]), "name": "Bob"}
    turn = contents(user_message(), message, result("c1"), profile=FLASH_3)[1]
    assert text_of_content(turn) == "Bob: "
    assert "functionCall" in turn["parts"][-1]


def test_the_name_of_a_legacy_function_message_is_the_functions() -> None:
    calls = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}
    messages = contents(user_message(), calls, {"role": "function", "name": "get_weather", "content": "warm"})
    assert messages[-1]["parts"][0]["functionResponse"]["name"] == "get_weather"
