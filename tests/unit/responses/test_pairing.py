"""Calls and results are paired by `call_id` at any position; the emulator's rules validate the order sent."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
import pytest

from api.translate.conversation.pairing import paired
from api.translate.conversation.signatures import SKIP_SIGNATURE
from api.translate.request.upstream_call import HistoryMessage
from api.translate.responses.carried_state import CarriedSignature, pack_signature
from tests.unit.responses.building import SIGNER, noted, translate, translation_error
from tests.unit.translate.requests import DATA_URL, FLASH_2, FLASH_3, SIGNATURE

Item = dict[str, Any]
USER: Final[Item] = {"role": "user", "content": "Hi"}
MOVED: Final = "converted input: results moved to their tool calls"


def call(call_id: str, name: str = "time") -> Item:
    """Return a function call."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}


def custom(call_id: str) -> Item:
    """Return a call of a custom tool."""
    return {"type": "custom_tool_call", "call_id": call_id, "name": "run", "input": "ls"}


def out(call_id: str, text: str | None = None, kind: str = "function_call_output") -> Item:
    """Return a result, by default with the call's id as text."""
    return {"type": kind, "call_id": call_id, "output": text or f"of {call_id}"}


def easy_message(role: str, text: str = "wait") -> Item:
    """A message."""
    return {"role": role, "content": text}


def shape(body: Any) -> list[str]:
    """Return the sent parts as text: `call name`, `result name: text`, or the text."""
    return [_word(part) for content in body["contents"] for part in content["parts"]]


def _word(part: Mapping[str, Any]) -> str:
    if "functionCall" in part:
        return f"call {part['functionCall']['name']}"
    if "functionResponse" in part:
        response = part["functionResponse"]
        return f"result {response['name']}: {next(iter(response['response'].values()))}"
    return str(part.get("text", "media"))


SYSTEM: Final = "<system_message>\nwait\n</system_message>"
A, B, RESULT_A, RESULT_B = "call a", "call b", "result a: of 1", "result b: of 2"
ARRANGEMENTS: Final[dict[str, tuple[list[Item], list[str]]]] = {
    "a user's message between": ([USER, call("1", "a"), USER, out("1")], ["Hi", A, RESULT_A, "Hi"]),
    "a developer's message between": (
        [USER, call("1", "a"), easy_message("developer"), out("1")],
        ["Hi", A, RESULT_A, SYSTEM],
    ),
    "a system message between": ([USER, call("1", "a"), easy_message("system"), out("1")], ["Hi", A, RESULT_A, SYSTEM]),
    "an assistant's message between": (
        [USER, call("1", "a"), easy_message("assistant"), out("1")],
        ["Hi", "wait", A, RESULT_A],
    ),
    "reasoning between": (
        [USER, call("1", "a"), {"type": "reasoning", "summary": []}, out("1")],
        ["Hi", A, RESULT_A],
    ),
    "a custom tool": (
        [USER, custom("1"), USER, out("1", kind="custom_tool_call_output")],
        ["Hi", "call run", "result run: of 1", "Hi"],
    ),
    "a custom tool's call and a function's result": (
        [USER, custom("1"), USER, out("1")],
        ["Hi", "call run", "result run: of 1", "Hi"],
    ),
    "results after further calls": (
        [USER, call("1", "a"), USER, call("2", "b"), out("2"), out("1")],
        ["Hi", A, RESULT_A, "Hi", B, RESULT_B],
    ),
    "parallel calls with a message among them": (
        [USER, call("1", "a"), USER, call("2", "b"), out("1"), USER, out("2")],
        ["Hi", A, RESULT_A, "Hi", B, RESULT_B, "Hi"],
    ),
    "parallel calls, results apart": (
        [USER, call("1", "a"), call("2", "b"), out("2"), USER, out("1")],
        ["Hi", A, B, RESULT_A, RESULT_B, "Hi"],
    ),
    "a result before its call": ([out("1"), USER, call("1", "a")], ["Hi", A, RESULT_A]),
    "an id that is used again": (
        [call("1", "a"), USER, call("1", "b"), out("1", "second")],
        [" ", A, "result a: No result was given.", "Hi", B, "result b: second"],
    ),
    "ids that are used again and answered": (
        [USER, call("1", "a"), out("1", "first"), USER, call("1", "b"), USER, out("1", "second")],
        ["Hi", A, "result a: first", "Hi", B, "result b: second", "Hi"],
    ),
    "a name and no id": (
        [
            USER,
            call("1", "a"),
            call("2", "b"),
            USER,
            {"type": "function_call_output", "name": "b", "output": "of 2"},
            out("1"),
        ],
        ["Hi", A, B, RESULT_A, RESULT_B, "Hi"],
    ),
    "names and no ids, in turn": (
        [
            call("1", "a"),
            {"type": "function_call_output", "name": "a", "output": "first"},
            call("2", "a"),
            {"type": "function_call_output", "name": "a", "output": "second"},
        ],
        [" ", A, "result a: first", A, "result a: second"],
    ),
    "an open call and one of the same name behind it": (
        [call("1", "a"), USER, call("2", "a"), {"type": "function_call_output", "name": "a", "output": "x"}],
        [" ", A, "result a: No result was given.", "Hi", A, "result a: x"],
    ),
    "an open call in the middle": (
        [USER, call("1", "a"), USER],
        ["Hi", A, "result a: No result was given.", "Hi"],
    ),
    "an open call before further steps": (
        [USER, call("1", "a"), call("2", "b"), out("2"), call("3", "c"), out("3")],
        ["Hi", A, B, "result a: No result was given.", RESULT_B, "call c", "result c: of 3"],
    ),
    "a result without a call": ([USER, out("9")], ["Hi", "<tool_output>\nof 9\n</tool_output>"]),
    "a result without a call in the middle": (
        [USER, call("1", "a"), out("9"), out("1")],
        ["Hi", A, RESULT_A, "<tool_output>\nof 9\n</tool_output>"],
    ),
    "a name without a call": (
        [USER, {"type": "function_call_output", "name": "a", "output": "x"}],
        ["Hi", "<tool_output>\nx\n</tool_output>"],
    ),
    "a repeated result": ([USER, call("1", "a"), out("1"), out("1"), USER], ["Hi", A, RESULT_A, "Hi"]),
    "a second result": (
        [USER, call("1", "a"), out("1"), USER, out("1", "done")],
        ["Hi", A, RESULT_A, "Hi", "<tool_output>\ndone\n</tool_output>"],
    ),
}


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3], ids=lambda profile: profile.family)
@pytest.mark.parametrize(("items", "sent"), ARRANGEMENTS.values(), ids=ARRANGEMENTS)
def test_every_arrangement_is_sent_in_geminis_order(items: list[Item], sent: list[str], profile: Any) -> None:
    upstream = translate(input=items, profile=profile)

    assert shape(upstream.body) == sent
    assert len(upstream.gemini_contents) == len(upstream.placement)


def test_stored_contents_and_placement_refer_to_the_original_order() -> None:
    upstream = translate(input=[USER, call("1", "a"), easy_message("user", "Quick!"), out("1")])

    _, called, quick, result = upstream.gemini_contents
    assert called is not None
    assert "functionCall" in called["parts"][0]
    assert quick == {"role": "user", "parts": [{"text": "Quick!"}]}
    assert result is not None
    assert "functionResponse" in result["parts"][0]
    assert upstream.placement == [0, 1, 3, 2]


def test_items_in_order_are_not_noted() -> None:
    assert MOVED not in noted(translate(input=[USER, call("1"), out("1"), USER]))
    assert MOVED in noted(translate(input=[USER, call("1"), USER, out("1")]))


def test_signatures_stay_on_their_calls() -> None:
    blob = pack_signature(CarriedSignature(owner="call", value=SIGNATURE, family=FLASH_3.family), SIGNER)
    reasoning = {"type": "reasoning", "summary": [], "encrypted_content": blob}
    body = translate(
        input=[USER, reasoning, call("1", "a"), easy_message("developer"), call("2", "b"), out("2"), out("1")]
    ).body

    signed = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    # A user message begins a new step: the first call of the step must be signed too.
    assert [part.get("thoughtSignature") for part in signed] == [SIGNATURE, SKIP_SIGNATURE]


def test_a_signature_reaches_its_call_behind_a_message() -> None:
    blob = pack_signature(CarriedSignature(owner="call", value=SIGNATURE, family=FLASH_3.family), SIGNER)
    reasoning = {"type": "reasoning", "summary": [], "encrypted_content": blob}
    body = translate(input=[USER, reasoning, easy_message("developer"), call("1", "a"), out("1")]).body

    [signed] = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert signed["thoughtSignature"] == SIGNATURE


def test_a_result_keeps_its_picture_behind_a_message() -> None:
    picture = [{"type": "input_image", "image_url": DATA_URL}]
    body = translate(input=[USER, call("1", "a"), USER, out("1") | {"output": picture}]).body

    [response] = [part["functionResponse"] for part in body["contents"][2]["parts"] if "functionResponse" in part]
    assert response["parts"][0]["inlineData"]["mimeType"] == "image/png"


def test_a_result_without_a_call_keeps_its_picture() -> None:
    picture = [{"type": "input_text", "text": "here"}, {"type": "input_image", "image_url": DATA_URL}]
    body = translate(input=[USER, out("9") | {"output": picture}]).body

    assert shape(body)[1:] == ["<tool_output>\n", "here", "media", "\n</tool_output>"]


def test_a_namespace_is_part_of_the_name() -> None:
    named = {"type": "function_call_output", "name": "close", "namespace": "agents", "output": "x"}
    items = [USER, call("1", "close") | {"namespace": "agents"}, USER, named]

    assert shape(translate(input=items).body) == ["Hi", "call agents.close", "result agents.close: x", "Hi"]
    bare = {key: value for key, value in named.items() if key != "namespace"}
    assert shape(translate(input=[*items[:-1], bare]).body)[2] == "result agents.close: x"


def history_of(*messages: Item) -> list[HistoryMessage]:
    """Return messages of an earlier conversation without stored contents."""
    return [HistoryMessage(message=message, content=None) for message in messages]


ASKED: Final[Item] = {"role": "user", "content": "Hi"}
CALLED: Final[Item] = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "a", "arguments": "{}"}}],
}


def test_a_result_of_the_request_follows_its_call_of_the_history() -> None:
    history = history_of(ASKED, CALLED, easy_message("user", "Quick!"), easy_message("assistant", "Yes."))
    upstream = translate(input=[easy_message("user", "And?"), out("1")], history=history)

    assert shape(upstream.body) == ["Hi", A, RESULT_A, "Quick!", "Yes.", "And?"]
    assert upstream.placement == [0, 1, 3, 4, 5, 2]
    assert [
        gemini_content is not None and gemini_content["parts"][0].get("text")
        for gemini_content in upstream.gemini_contents
    ] == ["And?", None]


def test_an_assistant_message_before_the_result_is_sent() -> None:
    upstream = translate(input=[easy_message("assistant", "Working."), out("1")], history=history_of(ASKED, CALLED))

    assert shape(upstream.body) == ["Hi", A, "Working.", RESULT_A]


def test_a_result_sent_as_text_becomes_a_result_with_its_call() -> None:
    text: Any = {"role": "user", "parts": [{"text": "<tool_output>\nof 1\n</tool_output>"}]}
    history = [
        *history_of(ASKED),
        HistoryMessage(message={"role": "tool", "tool_call_id": "1", "content": "of 1"}, content=text),
    ]
    upstream = translate(input=[call("1", "a")], history=history)

    assert shape(upstream.body) == ["Hi", A, RESULT_A]


OPEN: Final[dict[str, list[Item]]] = {
    "nothing after it": [USER, call("c1")],
    "other results after it": [USER, call("c1"), call("c2"), out("c2")],
    "the result of an older call after it": [call("c0"), USER, call("c1"), out("c0")],
}


@pytest.mark.parametrize("items", OPEN.values(), ids=OPEN)
def test_a_missing_result_of_the_request_is_rejected(items: list[Item]) -> None:
    error = translation_error(input=items)
    assert (error.message, error.param) == ("No tool output found for function call c1.", "input")


def test_the_previous_response_requires_its_results() -> None:
    history = history_of(ASKED, CALLED)
    named: Any = {"previous_response_id": "resp_1", "input": "Never mind."}

    assert translation_error(history=history, **named).message == "No tool output found for function call 1."
    later = history_of(ASKED, CALLED, easy_message("user"), easy_message("assistant"))
    assert shape(translate(history=later, **named).body)[2] == "result a: No result was given."
    of_conversation: Any = {"conversation": "conv_1", "input": "Never mind."}
    assert shape(translate(history=history, **of_conversation).body)[2] == "result a: No result was given."


def test_a_request_to_compact_requires_no_results() -> None:
    assert shape(translate(input=[USER, call("1", "a"), {"type": "compaction_trigger"}]).body) == ["Hi"]
    assert translate(input=[USER, call("1", "a")], prompt_cache_options={"prewarm": True})


def test_a_conversation_without_calls_is_not_reordered() -> None:
    assert paired([ASKED, easy_message("assistant")]) is None


def test_hostile_histories_are_paired_in_linear_time() -> None:
    many = 8_000
    items = [
        *(out("x") for _ in range(many // 2)),
        *(call("x") for _ in range(many // 2)),
        *(out("x") for _ in range(many)),
    ]
    assert orjson.dumps(translate(input=[*items, USER]).body)
