"""Roles and contents: rules 1 to 11 of the translation."""

from typing import Any

import pytest

from api.errors import InvalidRequestError
from tests.exchanges import user_message
from tests.unit.translate.requests import (
    DATA_URL,
    FLASH_3,
    PIXEL,
    PLAIN,
    WEATHER_TOOL,
    assistant,
    call,
    contents,
    noted,
    result,
    translate,
)


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def developer(content: Any) -> dict[str, Any]:
    return {"role": "developer", "content": content}


def text(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": item} for item in texts]}


def test_rule_001_system_and_developer_messages_are_parts_of_the_system_instruction() -> None:
    upstream = translate(
        system("Be terse."),
        developer([{"type": "text", "text": "In"}, {"type": "text", "text": "French."}]),
        user_message(),
    )
    assert upstream.body["systemInstruction"] == {"parts": [{"text": "Be terse."}, {"text": "In"}, {"text": "French."}]}
    assert upstream.body["contents"] == [text("user", "Hi")]
    assert upstream.placement == [-1, -1, 0]
    assert upstream.gemini_contents[0] == text("system", "Be terse.")
    assert upstream.notes == ()


def test_rule_002_a_later_system_message_stays_in_its_place_as_marked_user_text() -> None:
    upstream = translate(system("A"), user_message("one"), assistant("two"), system("Be brief."), user_message("three"))
    marked = "<system_message>\nBe brief.\n</system_message>"
    assert upstream.body["contents"] == [text("user", "one"), text("model", "two"), text("user", marked, "three")]
    assert upstream.body["systemInstruction"] == {"parts": [{"text": "A"}]}
    assert upstream.placement == [-1, 0, 1, 2, 2]
    assert upstream.gemini_contents[3] == text("user", marked)
    assert noted(upstream) == [("converted", "messages[3]")]


def test_rule_003_a_request_of_system_messages_alone_is_a_user_content() -> None:
    upstream = translate(system("Tell a joke."), developer("A short one."))
    assert upstream.body == {"contents": [text("user", "Tell a joke.", "A short one.")]}
    assert upstream.placement == [0, 0]
    assert noted(upstream) == [("converted", "messages")]


@pytest.mark.parametrize("content", ["", [{"type": "text", "text": ""}]])
def test_rule_004_an_empty_system_instruction_is_left_out(content: Any) -> None:
    upstream = translate(system(content), user_message())
    assert upstream.body == {"contents": [text("user", "Hi")]}
    assert upstream.placement == [-2, 0]
    assert upstream.gemini_contents == [None, text("user", "Hi")]


def test_rule_005_neighbours_of_one_role_become_one_content() -> None:
    upstream = translate(
        user_message("a"), user_message("b"), user_message("c"), assistant("d"), assistant("e"), user_message("f")
    )
    assert upstream.body["contents"] == [text("user", "a", "b", "c"), text("model", "d", "e"), text("user", "f")]
    assert upstream.placement == [0, 0, 0, 1, 1, 2]
    assert upstream.gemini_contents[1] == text("user", "b")


def test_rule_006_trailing_assistant_messages_are_dropped() -> None:
    upstream = translate(user_message("a"), assistant("b"), assistant("c"))
    assert upstream.body["contents"] == [text("user", "a")]
    assert upstream.gemini_contents == [text("user", "a"), None, None]
    assert upstream.placement == [0, -2, -2]
    assert sorted(noted(upstream)) == [("dropped", "messages[1]"), ("dropped", "messages[2]")]


def test_rule_007_empty_text_is_skipped_and_an_empty_content_is_one_blank() -> None:
    parts = [{"type": "text", "text": ""}, {"type": "text", "text": "a"}]
    assert contents(user_message(parts)) == [text("user", "a")]
    assert contents(user_message("")) == [text("user", " ")]
    assert contents(user_message("a"), assistant(""), user_message("b")) == [text("user", "a", "b")]


def test_rule_007_a_request_of_assistant_messages_alone_leaves_one_blank_content() -> None:
    upstream = translate(assistant("a"))
    assert upstream.body["contents"] == [text("user", " ")]
    assert upstream.placement == [-2]
    assert ("added", "messages") in noted(upstream)


def test_rule_008_a_content_of_media_alone_gets_a_blank_text() -> None:
    image = {"type": "image_url", "image_url": {"url": DATA_URL}}
    assert contents(user_message([image])) == [
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}, {"text": " "}]}
    ]


def test_rule_009_texts_are_never_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert contents(user_message(parts)) == [text("user", "a", "b")]
    output = contents(user_message(), assistant(tool_calls=[call("c1")]), result("c1", parts), tools=[WEATHER_TOOL])[-1]
    assert output["parts"][0]["functionResponse"]["response"] == {"output": ["a", "b"]}


def test_rule_010_reasoning_sent_back_is_a_thought() -> None:
    messages = (user_message(), assistant("b", reasoning_content="Let me think."), user_message("c"))
    assert contents(*messages)[1] == {
        "role": "model",
        "parts": [{"text": "Let me think.", "thought": True}, {"text": "b"}],
    }
    upstream = translate(*messages, profile=PLAIN)
    assert upstream.body["contents"][1] == text("model", "b")
    assert noted(upstream) == [("dropped", "messages[1].reasoning_content")]


def test_rule_010_reasoning_under_its_other_name_is_a_thought_too() -> None:
    messages = (user_message(), assistant("b", reasoning="Let me think."), user_message("c"))
    assert contents(*messages)[1]["parts"] == [{"text": "Let me think.", "thought": True}, {"text": "b"}]
    both = (user_message(), assistant("b", reasoning_content="So.", reasoning="So."), user_message("c"))
    assert contents(*both)[1]["parts"] == [{"text": "So.", "thought": True}, {"text": "b"}]
    assert noted(translate(*messages, profile=PLAIN)) == [("dropped", "messages[1].reasoning")]


@pytest.mark.parametrize(
    "answer",
    [
        assistant("Here:", images=[{"type": "image_url", "image_url": {"url": DATA_URL}}]),
        assistant(f"Here:![a cat]({DATA_URL})"),
    ],
    ids=["images", "markdown"],
)
def test_rule_011_images_of_earlier_messages_are_sent_again(answer: dict[str, Any]) -> None:
    assert contents(user_message(), answer, user_message("Bigger"))[1] == {
        "role": "model",
        "parts": [{"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}],
    }


def test_invalid_images_are_noted() -> None:
    upstream = translate(user_message(), assistant("a", images=[7, {"image_url": {}}]), user_message())
    assert noted(upstream) == [("dropped", "messages[1].images[0]"), ("dropped", "messages[1].images[1]")]


def test_a_refusal_is_sent_as_text_of_the_model() -> None:
    assert contents(user_message(), assistant(refusal="No."), user_message())[1] == text("model", "No.")
    parts = [{"type": "refusal", "refusal": "No."}]
    assert contents(user_message(), assistant(parts), user_message())[1] == text("model", "No.")


def test_message_fields_without_a_counterpart_in_gemini_are_noted() -> None:
    breakpoint_part = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    upstream = translate(
        {"role": "user", "content": [breakpoint_part], "name": "Ann"},
        assistant("b", audio={"id": "audio_1"}),
        user_message(),
    )
    assert noted(upstream) == [
        ("converted", "messages[0].name"),
        ("dropped", "messages[0].content[0].prompt_cache_breakpoint"),
        ("dropped", "messages[1].audio"),
    ]


def test_the_translation_does_not_change_the_messages() -> None:
    history = [
        user_message([{"type": "text", "text": "a"}]),
        user_message("b"),
        assistant("c", tool_calls=[call("c1")]),
    ]
    messages = [*history, result("c1"), user_message("d")]
    before = repr(messages)
    translate(*messages, tools=[WEATHER_TOOL], profile=FLASH_3)
    assert repr(messages) == before


def test_a_conversation_that_begins_with_a_call_gets_a_user_content_first() -> None:
    upstream = translate(assistant(tool_calls=[call("c1")]), result("c1"), tools=[WEATHER_TOOL])
    assert [content["role"] for content in upstream.body["contents"]] == ["user", "model", "user"]
    assert upstream.placement == [1, 2]
    assert noted(upstream) == [("added", "messages")]


def test_an_error_names_the_part() -> None:
    image = {"type": "image_url", "image_url": {"url": "ftp://x"}}
    with pytest.raises(InvalidRequestError) as caught:
        translate(user_message("a"), user_message([{"type": "text", "text": "b"}, image]))
    assert caught.value.param == "messages[1].content[1].image_url.url"
