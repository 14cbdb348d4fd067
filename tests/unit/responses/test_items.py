"""Items to messages: grouping, carried state, the message of each item, and messages back to items."""

from typing import Any

import pytest

from api.errors import InvalidRequestError, NotFoundError
from api.translate.responses.carried_state import (
    CarriedConversation,
    CarriedSignature,
    pack_conversation,
    pack_signature,
)
from api.translate.responses.input.compaction import compacted
from api.translate.responses.input.items import references, resolved
from api.translate.responses.input.message_items import message_to_items
from api.translate.responses.tools.names import CalledTool, CalledTools
from sessions_store.transcript.canonical import canonical_message
from tests.unit.responses.building import SIGNER, counted, items_to_messages
from tests.unit.translate.requests import PIXEL, SIGNATURE

USER = {"role": "user", "content": "Hi"}


def call(call_id: str = "c1", name: str = "time", **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **fields}


def output(call_id: str = "c1", content: Any = "12:00") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": content}


def reasoning(text: str = "", encrypted: str | None = None) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": encrypted}


def output_message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def signed(owner: Any, family: str = "gemini-3") -> str:
    return pack_signature(CarriedSignature(owner=owner, value=SIGNATURE, family=family), SIGNER)


def called(call_id: str, name: str = "time", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "an answer is one message": (
        [
            USER,
            reasoning("Let me see."),
            output_message("One "),
            output_message("moment."),
            call("c1"),
            call("c2"),
            output("c2"),
            output("c1"),
        ],
        [
            USER,
            {
                "role": "assistant",
                "content": "One moment.",
                "reasoning_content": "Let me see.",
                "tool_calls": [called("c1"), called("c2")],
            },
            {"role": "tool", "tool_call_id": "c2", "content": "12:00"},
            {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
        ],
    ),
    "results part answers": (
        [call("c1"), output("c1"), call("c2"), output("c2"), output_message("Done.")],
        [
            {"role": "assistant", "content": None, "tool_calls": [called("c1")]},
            {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
            {"role": "assistant", "content": None, "tool_calls": [called("c2")]},
            {"role": "tool", "tool_call_id": "c2", "content": "12:00"},
            {"role": "assistant", "content": "Done."},
        ],
    ),
    "namespaces are flattened": (
        [call(namespace="agents", name="close"), call("c2", namespace="time")],
        [{"role": "assistant", "content": None, "tool_calls": [called("c1", "agents.close"), called("c2")]}],
    ),
    "custom tools keep their text": (
        [{"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "print(1)"}],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}],
            }
        ],
    ),
    "a search for tools is a call": (
        [
            {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": {"goal": "weather"}},
            {
                "type": "tool_search_output",
                "call_id": "c1",
                "execution": "client",
                "tools": [{"type": "function", "name": "weather"}],
            },
        ],
        [
            {"role": "assistant", "content": None, "tool_calls": [called("c1", "tool_search", '{"goal":"weather"}')]},
            {"role": "tool", "tool_call_id": "c1", "content": '{"tools":["weather"]}'},
        ],
    ),
    "a plain string is an assistant's text": (
        [{"role": "assistant", "content": "Hello"}],
        [{"role": "assistant", "content": "Hello"}],
    ),
    "media": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "low"},
                    {"type": "input_file", "file_url": "https://x.test/a.pdf"},
                    {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
                ],
            },
            {"type": "image_generation_call", "result": PIXEL},
        ],
        [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
                    {"type": "file", "file": {"file_data": "https://x.test/a.pdf"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}],
            },
        ],
    ),
    "settings are no messages": (
        [{"type": "additional_tools", "tools": []}, USER, {"type": "compaction_trigger"}],
        [USER],
    ),
    "a refusal": (
        [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
        [{"role": "assistant", "content": None, "refusal": "No."}],
    ),
}


@pytest.mark.parametrize(("items", "messages"), CASES.values(), ids=CASES)
def test_items_become_messages(items: Any, messages: Any) -> None:
    turns = items_to_messages(items)
    assert turns.messages == messages
    assert len(turns.places.messages) == len(messages)


def test_a_signature_goes_to_the_following_call() -> None:
    items = [reasoning("", signed("call")), call("c1"), call("c2")]
    first, second = items_to_messages(items, family="gemini-3").messages[0]["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": SIGNATURE}}
    assert "extra_content" not in second


def test_a_signature_goes_to_the_preceding_text() -> None:
    message = items_to_messages([output_message("Hello"), reasoning("", signed("text"))], family="gemini-3").messages[0]
    assert message["extra_content"] == {"google": {"thought_signature": SIGNATURE}}


@pytest.mark.parametrize(
    ("encrypted", "why"),
    [
        ("c3R1Yg==", "not signed"),
        ("gAAAA", "not signed"),
        (signed("call", "gemini-4"), "another model family"),
    ],
)
def test_an_unreadable_item_is_noted(encrypted: str, why: str) -> None:
    turns = items_to_messages([USER, reasoning("x", encrypted), call()], family="gemini-3")
    assert "extra_content" not in turns.messages[1]["tool_calls"][0]
    (note,) = turns.notes
    assert note.param == "input[1].encrypted_content"
    assert why in note.reason


def test_a_compaction_becomes_its_summary() -> None:
    items = compacted([USER, output_message("Hello")], "They met.", item_ids=counted(), signer=SIGNER)
    assert [item["type"] for item in items] == ["message", "compaction"]
    messages = items_to_messages(items).messages
    assert messages[0] == {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    assert "They met." in messages[1]["content"]
    foreign = items_to_messages([{"type": "compaction", "encrypted_content": "gAAAA"}])
    assert foreign.messages == []
    assert foreign.notes[0].kind == "dropped"


def test_a_compaction_replaces_the_whole_conversation() -> None:
    rules = [{"role": "system", "content": "Be brief."}]
    carried = CarriedConversation(
        summary="They met.", whole=True, rules=rules, latest=[{"role": "user", "content": "Who?"}]
    )
    item = {"type": "compaction", "encrypted_content": pack_conversation(carried, SIGNER)}
    summary = {"role": "user", "content": "<conversation_summary>\nThey met.\n</conversation_summary>"}
    latest = {"role": "user", "content": "Who?"}

    newer = {"role": "system", "content": "Be long."}
    for before, system in (
        ([USER, output_message("Hello")], rules[0]),
        ([newer, USER, output_message("Hello")], newer),
    ):
        turns = items_to_messages([*before, item, output_message("Ada.")])
        assert turns.messages == [system, summary, latest, {"role": "assistant", "content": "Ada."}]


def test_item_references_are_resolved_or_rejected() -> None:
    items = [{"type": "item_reference", "id": "fc_1"}, {"id": "msg_1"}, USER]
    assert references(items) == ["fc_1", "msg_1"]
    whole = resolved(items, {"fc_1": call(), "msg_1": output_message("Hello")})
    assert whole == [call(), output_message("Hello"), USER]
    with pytest.raises(NotFoundError) as caught:
        resolved(items, {"fc_1": call()})
    assert "'msg_1'" in caught.value.message
    with pytest.raises(NotFoundError):
        items_to_messages(items)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url"),
        ({"role": "user", "content": [{"type": "input_file", "filename": "a"}]}, "input[0].content[0].file_data"),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id"),
    ],
)
def test_empty_values_are_rejected_by_name(item: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        items_to_messages([item])
    assert caught.value.param == param


MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "Hi"},
    {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
        ],
    },
    {
        "role": "assistant",
        "content": "A cat.",
        "reasoning_content": "Fur.",
        "tool_calls": [called("c1", "agents.close")],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "done"},
    {"role": "assistant", "content": None, "refusal": "No."},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "run", "input": "x"}}],
    },
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message["role"]))
def test_messages_survive_the_way_to_items_and_back(message: dict[str, Any]) -> None:
    called_tools = CalledTools()
    called_tools["agents.close"] = CalledTool(kind="function", name="close", namespace="agents")
    items = message_to_items(message, item_ids=counted(), called=called_tools)
    assert len({item["id"] for item in items}) == len(items)
    (again,) = items_to_messages(items).messages
    assert canonical_message(again) == canonical_message(message)
