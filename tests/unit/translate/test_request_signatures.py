"""Thought signatures in requests: rules 26 to 40."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from api.gemini.wire import Content
from api.translate.conversation.signatures import SKIP_SIGNATURE, without_signatures
from tests.exchanges import user_message
from tests.unit.translate.requests import (
    FLASH_2,
    FLASH_3,
    OTHER_SIGNATURE,
    PLAIN,
    SIGNATURE,
    WEATHER_TOOL,
    assistant,
    call,
    contents,
    judge,
    noted,
    result,
    translate,
)

EXTRA: dict[str, Any] = {"extra_content": {"google": {"thought_signature": SIGNATURE}}}


def signatures(message: Content) -> list[str | None]:
    return [part.get("thoughtSignature") for part in message["parts"]]


def test_rule_026_a_signature_alone_is_sent_on_a_part_with_empty_text() -> None:
    messages = contents(user_message(), assistant("", **EXTRA), user_message("b"), profile=FLASH_3)
    assert messages[1]["parts"] == [{"text": "", "thoughtSignature": SIGNATURE}]


def test_rule_026_empty_signed_parts_of_a_stored_content_are_sent() -> None:
    stored: Content = {"role": "model", "parts": [{"text": "Hello"}, {"text": "", "thoughtSignature": SIGNATURE}]}
    messages = contents(user_message(), assistant("Hello"), user_message("b"), restored={1: stored}, profile=FLASH_3)
    assert messages[1] == stored


@pytest.mark.parametrize(
    "carrier",
    [
        EXTRA,
        {"extra_content": {"vertex": {"thought_signature": SIGNATURE}}},
        {"thought_signature": SIGNATURE},
        {"thoughtSignature": SIGNATURE},
        {"provider_specific_fields": {"thought_signature": SIGNATURE}},
        {"function": {**call("c1")["function"], **EXTRA}},
        {"function": {**call("c1")["function"], "thought_signature": SIGNATURE}},
        {"id": f"c1__thought__{SIGNATURE}"},
    ],
    ids=["google", "vertex", "snake", "camel", "provider", "function extra", "function", "id"],
)
def test_rule_027_a_signature_in_a_call_is_sent_on_the_call(carrier: dict[str, Any]) -> None:
    first = {**call("c1"), **carrier}
    upstream = translate(
        user_message(),
        assistant(tool_calls=[first, call("c2")]),
        result(first["id"]),
        result("c2"),
        tools=[WEATHER_TOOL],
        profile=FLASH_3,
    )
    message = upstream.body["contents"][1]
    assert signatures(message) == [SIGNATURE, None]
    assert message["parts"][0]["functionCall"]["id"] == "c1"
    assert upstream.notes == ()


@pytest.mark.parametrize(
    "carrier", [EXTRA, {"provider_specific_fields": {"thought_signatures": [SIGNATURE]}}], ids=["google", "provider"]
)
def test_a_signature_in_a_message_is_sent_on_the_text(carrier: dict[str, Any]) -> None:
    messages = contents(user_message(), assistant("a", **carrier), user_message("b"), profile=FLASH_3)
    assert messages[1]["parts"] == [{"text": "a", "thoughtSignature": SIGNATURE}]


def test_a_signature_in_a_content_part_is_sent_on_the_part() -> None:
    parts = [{"type": "text", "text": "a", **EXTRA}, {"type": "text", "text": "b"}]
    messages = contents(user_message(), assistant(parts), user_message("c"), profile=FLASH_3)
    assert messages[1]["parts"] == [{"text": "a", "thoughtSignature": SIGNATURE}, {"text": "b"}]


def test_rule_028_calls_before_the_last_user_message_need_no_signature() -> None:
    older = (assistant(tool_calls=[call("c1")]), result("c1"))
    upstream = translate(
        user_message(),
        *older,
        user_message("again"),
        assistant(tool_calls=[call("c2"), call("c3")]),
        result("c2"),
        result("c3"),
        assistant(tool_calls=[call("c4")]),
        result("c4"),
        tools=[WEATHER_TOOL],
        profile=FLASH_3,
    )
    messages = upstream.body["contents"]
    assert [signatures(message) for message in messages if message["role"] == "model"] == [
        [None],
        [SKIP_SIGNATURE, None],
        [SKIP_SIGNATURE],
    ]
    assert sorted(noted(upstream)) == [("added", "messages[4]"), ("added", "messages[7]")]
    assert upstream.gemini_contents[4] == messages[4]


def test_rule_029_no_signature_is_sent_on_two_parts() -> None:
    calls = [call("c1", **EXTRA), call("c2", **EXTRA)]
    messages = contents(
        user_message(),
        assistant("a", tool_calls=calls, **EXTRA),
        result("c1"),
        result("c2"),
        tools=[WEATHER_TOOL],
        profile=FLASH_3,
    )
    assert signatures(messages[1]) == [None, SIGNATURE, None]


def test_rule_030_models_without_signature_checks_get_no_skip_value() -> None:
    upstream = translate(user_message(), assistant(tool_calls=[call("c1")]), result("c1"), tools=[WEATHER_TOOL])
    assert signatures(upstream.body["contents"][1]) == [None]
    assert upstream.notes == ()


def test_rule_031_the_skip_value_is_base64() -> None:
    assert base64.b64decode(SKIP_SIGNATURE, validate=True) == b"skip_thought_signature_validator"


def test_rule_036_a_stored_content_is_sent_unchanged() -> None:
    stored: Content = {
        "role": "model",
        "parts": [
            {"text": "Hm.", "thought": True},
            {
                "functionCall": {"name": "get_weather", "args": {"city": "Paris"}, "id": "g1"},
                "thoughtSignature": SIGNATURE,
            },
            {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}, "id": "g2"}},
        ],
    }
    upstream = translate(
        user_message(),
        assistant(tool_calls=[call("c1"), call("c2")]),
        result("c2"),
        result("c1"),
        tools=[WEATHER_TOOL],
        profile=FLASH_3,
        restored={1: stored},
    )
    assert upstream.body["contents"][1] is stored
    assert upstream.gemini_contents[1] is stored
    responses = [part["functionResponse"]["id"] for part in upstream.body["contents"][2]["parts"]]
    assert responses == ["g1", "g2"]
    assert noted(upstream) == [("restored", "messages")]


def test_a_stored_content_without_signature_gets_the_skip_value_in_a_copy() -> None:
    stored: Content = {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]}
    upstream = translate(
        user_message(),
        assistant(tool_calls=[call("c1")]),
        result("c1"),
        tools=[WEATHER_TOOL],
        profile=FLASH_3,
        restored={1: stored},
    )
    assert signatures(upstream.body["contents"][1]) == [SKIP_SIGNATURE]
    assert signatures(stored) == [None]
    assert upstream.gemini_contents[1] == upstream.body["contents"][1]


def test_a_stored_content_with_other_calls_than_the_message_is_not_used() -> None:
    stored: Content = {"role": "model", "parts": [{"text": "no call"}]}
    upstream = translate(
        user_message(), assistant(tool_calls=[call("c1")]), result("c1"), tools=[WEATHER_TOOL], restored={1: stored}
    )
    assert "functionCall" in upstream.body["contents"][1]["parts"][0]
    assert noted(upstream) == [("dropped", "messages[1]")]


def test_ids_of_stored_contents_are_sent_only_to_models_that_accept_them() -> None:
    stored: Content = {
        "role": "model",
        "parts": [{"text": "a"}, {"functionCall": {"name": "get_weather", "args": {}, "id": "g1"}}],
    }
    upstream = translate(
        user_message(),
        assistant("a", tool_calls=[call("c1")]),
        result("c1"),
        tools=[WEATHER_TOOL],
        restored={1: stored},
        profile=FLASH_2,
    )
    assert upstream.body["contents"][1]["parts"][1] == {"functionCall": {"name": "get_weather", "args": {}}}
    assert "id" not in upstream.body["contents"][2]["parts"][0]["functionResponse"]
    assert stored["parts"][1]["functionCall"]["id"] == "g1"


def test_rule_038_a_body_can_be_sent_again_without_signatures() -> None:
    upstream = translate(
        user_message(),
        assistant("a", **EXTRA),
        user_message("b"),
        assistant(
            tool_calls=[call("c1", extra_content={"google": {"thought_signature": OTHER_SIGNATURE}}), call("c2")]
        ),
        result("c1"),
        result("c2"),
        tools=[WEATHER_TOOL],
        profile=FLASH_3,
    )
    again = without_signatures(upstream.body)
    assert [signatures(message) for message in again["contents"] if message["role"] == "model"] == [
        [None],
        [SKIP_SIGNATURE, None],
    ]
    assert [signatures(message) for message in upstream.body["contents"] if message["role"] == "model"] == [
        [SIGNATURE],
        [OTHER_SIGNATURE, None],
    ]
    assert {key: value for key, value in again.items() if key != "contents"} == {
        key: value for key, value in upstream.body.items() if key != "contents"
    }


def test_rule_038_a_content_with_only_a_signature_becomes_a_blank() -> None:
    upstream = translate(user_message(), assistant("", **EXTRA), user_message("b"), profile=FLASH_3)
    again = without_signatures(upstream.body)
    assert again["contents"][1]["parts"] == [{"text": " "}]


@pytest.mark.parametrize(
    ("signature", "profile"),
    [("not base64!", FLASH_3), ("abcde", FLASH_3), (SIGNATURE, PLAIN)],
    ids=["alphabet", "length", "model"],
)
def test_signatures_that_cannot_be_sent_are_noted(signature: str, profile: Any) -> None:
    upstream = translate(
        user_message(), assistant("a", thought_signature=signature), user_message("b"), profile=profile
    )
    assert upstream.body["contents"][1]["parts"] == [{"text": "a"}]
    assert noted(upstream) == [("dropped", "messages[1].thought_signature")]


@pytest.mark.parametrize("junk", [7, "", None, {}, {"google": 7}, {"google": {"thought_signature": 7}}, []])
def test_signature_fields_of_other_shapes_are_ignored(junk: Any) -> None:
    fields = {"extra_content": junk, "provider_specific_fields": {"thought_signatures": junk}, "thought_signature": 7}
    upstream = translate(user_message(), assistant("a", **fields), user_message("b"), profile=FLASH_3)
    assert upstream.body["contents"][1]["parts"] == [{"text": "a"}]
    assert upstream.notes == ()


def test_the_retry_without_signatures_is_a_valid_request() -> None:
    upstream = translate(
        user_message(), assistant(tool_calls=[call("c1", **EXTRA)]), result("c1"), tools=[WEATHER_TOOL], profile=FLASH_3
    )
    upstream.body["contents"] = without_signatures(upstream.body)["contents"]
    judge(upstream, FLASH_3)


def test_rule_032_a_signature_in_an_id_is_removed_from_the_id() -> None:
    call_id = f"call_1__thought__{SIGNATURE}"
    messages = contents(
        user_message(), assistant(tool_calls=[call(call_id)]), result(call_id), tools=[WEATHER_TOOL], profile=FLASH_3
    )
    assert messages[1]["parts"][0]["functionCall"]["id"] == "call_1"
    assert messages[2]["parts"][0]["functionResponse"]["id"] == "call_1"


def test_rule_040_the_profile_decides_on_signatures_not_the_models_name() -> None:
    alias = replace(FLASH_3, name="gemini-flash-latest")
    messages = contents(
        user_message(), assistant(tool_calls=[call("c1")]), result("c1"), tools=[WEATHER_TOOL], profile=alias
    )
    assert signatures(messages[1]) == [SKIP_SIGNATURE]
