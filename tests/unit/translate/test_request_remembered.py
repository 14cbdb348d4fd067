"""Messages of a stored session before the request's own: order, system messages, placement."""

from typing import Any

from api.gemini.wire import Content
from api.translate.chat.request import OMITTED, SYSTEM, HistoryMessage
from tests.exchanges import user_message
from tests.unit.translate.requests import (
    FLASH_3,
    SIGNATURE,
    WEATHER_TOOL,
    assistant,
    call,
    noted,
    result,
    translate,
)


def gemini_content(role: Any, *texts: str) -> Content:
    return {"role": role, "parts": [{"text": text} for text in texts]}


def history_message(message: dict[str, Any], content: Content | None) -> HistoryMessage:
    return HistoryMessage(message=message, content=content)


SYSTEM_MESSAGE = {"role": "system", "content": "Be terse."}
HISTORY = [
    history_message(SYSTEM_MESSAGE, gemini_content("system", "Be terse.")),
    history_message(user_message("I am Ann."), gemini_content("user", "I am Ann.")),
    history_message(
        assistant("Hello Ann."), {"role": "model", "parts": [{"text": "Hello Ann.", "thoughtSignature": SIGNATURE}]}
    ),
]


def test_stored_contents_are_sent_first_and_unchanged() -> None:
    upstream = translate(user_message("Who am I?"), history=HISTORY, profile=FLASH_3)
    assert upstream.body == {
        "contents": [gemini_content("user", "I am Ann."), HISTORY[2].content, gemini_content("user", "Who am I?")],
        "systemInstruction": {"parts": [{"text": "Be terse."}]},
    }
    assert upstream.placement == [SYSTEM, 0, 1, 2]
    assert upstream.gemini_contents == [gemini_content("user", "Who am I?")]
    assert upstream.notes == ()


def test_the_system_message_of_the_request_takes_precedence() -> None:
    own = {"role": "developer", "content": "Be kind."}
    upstream = translate(own, user_message("Who am I?"), history=HISTORY)
    assert upstream.body["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
    assert upstream.placement == [OMITTED, 0, 1, SYSTEM, 2]
    assert upstream.gemini_contents == [gemini_content("system", "Be kind."), gemini_content("user", "Who am I?")]


def test_a_system_message_stored_within_the_conversation_keeps_its_position() -> None:
    marked = gemini_content("user", "<system_message>\nBe brief.\n</system_message>")
    history = [*HISTORY, history_message({"role": "system", "content": "Be brief."}, marked)]
    upstream = translate(user_message("Go"), history=history)
    assert upstream.body["contents"][2] == {"role": "user", "parts": [*marked["parts"], {"text": "Go"}]}
    assert upstream.placement == [SYSTEM, 0, 1, 2, 2]


def test_a_message_without_stored_content_is_translated() -> None:
    history = [history_message(item.message, None) for item in HISTORY]  # type: ignore[arg-type]
    upstream = translate(user_message("Who am I?"), history=history)
    assert upstream.body["contents"] == [
        gemini_content("user", "I am Ann."),
        gemini_content("model", "Hello Ann."),
        gemini_content("user", "Who am I?"),
    ]
    assert upstream.placement == [SYSTEM, 0, 1, 2]


def test_a_request_of_system_messages_alone_is_the_next_user_content() -> None:
    upstream = translate({"role": "system", "content": "Continue."}, history=HISTORY)
    assert upstream.body["contents"][-1] == gemini_content("user", "Continue.")
    assert upstream.placement == [OMITTED, 0, 1, 2]


def test_a_stored_call_without_a_result_gets_a_placeholder_result() -> None:
    called: Content = {
        "role": "model",
        "parts": [
            {"functionCall": {"name": "get_weather", "args": {}, "id": "g1"}, "thoughtSignature": SIGNATURE},
            {"functionCall": {"name": "get_weather", "args": {}, "id": "g2"}},
        ],
    }
    response: Any = {"functionResponse": {"name": "get_weather", "response": {"output": "21"}, "id": "g2"}}
    history = [
        history_message(user_message(), gemini_content("user", "Hi")),
        history_message(assistant(tool_calls=[call("c1"), call("c2")]), called),
        history_message(result("c2"), {"role": "user", "parts": [response]}),
    ]
    upstream = translate(user_message("Never mind"), history=history, tools=[WEATHER_TOOL], profile=FLASH_3)
    missing = {"functionResponse": {"name": "get_weather", "response": {"error": "No result was given."}, "id": "g1"}}
    assert upstream.body["contents"][2] == {"role": "user", "parts": [missing, response]}
    assert upstream.placement == [0, 1, 2, 3]
    assert noted(upstream) == [("added", "messages")]


def test_ids_of_stored_calls_and_results_are_sent_only_to_models_that_accept_them() -> None:
    called: Content = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}, "id": "g1"}}]}
    answered: Content = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}, "id": "g1"}}]}
    history = [
        history_message(user_message(), gemini_content("user", "Hi")),
        history_message(assistant(tool_calls=[call("c1", "f")]), called),
        history_message(result("c1"), answered),
    ]
    upstream = translate(user_message("Go"), history=history)
    assert upstream.body["contents"][1]["parts"] == [{"functionCall": {"name": "f", "args": {}}}]
    assert upstream.body["contents"][2]["parts"] == [{"functionResponse": {"name": "f", "response": {}}}]
