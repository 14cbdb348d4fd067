"""Gemini's response as an OpenAI response: items, events, last events. The SDK's types validate every event."""

from typing import Any

import pytest
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState

from api.translate.responses.carried_state import unpack_signature
from api.translate.tools.names import sanitise_name
from sessions_store.transcript.canonical import canonical_message
from tests.unit.responses.building import (
    EVENTS,
    SIGNER,
    accumulator_of,
    gemini_chunk,
    items_to_messages,
    kinds,
    parsed,
    plain_of,
    stream_of,
)
from tests.unit.translate.requests import FLASH_3, PIXEL, SIGNATURE

TIME = {"type": "function", "name": "time"}
AGENTS = {"type": "namespace", "name": "agents", "description": "", "tools": [{"type": "function", "name": "close"}]}
RUN = {"type": "custom", "name": "run"}
FIND = {"type": "tool_search", "execution": "client", "parameters": {"type": "object", "properties": {}}}
ENCRYPTED = ["reasoning.encrypted_content"]

BEGIN = ["created", "in_progress"]
MESSAGE = [
    "output_item.added:message",
    "content_part.added",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done:message",
]
THOUGHT = [
    "output_item.added:reasoning",
    "reasoning_summary_part.added",
    "reasoning_summary_text.delta",
    "reasoning_summary_text.done",
    "reasoning_summary_part.done",
    "output_item.done:reasoning",
]
CARRIED = ["output_item.added:reasoning", "output_item.done:reasoning"]
FUNCTION = [
    "output_item.added:function_call",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done:function_call",
]
CUSTOM = [
    "output_item.added:custom_tool_call",
    "custom_tool_call_input.delta",
    "custom_tool_call_input.done",
    "output_item.done:custom_tool_call",
]
SEARCH = [
    "output_item.added:web_search_call",
    "web_search_call.in_progress",
    "web_search_call.searching",
    "web_search_call.completed",
    "output_item.done:web_search_call",
]
CODE = [
    "output_item.added:code_interpreter_call",
    "code_interpreter_call.in_progress",
    "code_interpreter_call_code.delta",
    "code_interpreter_call_code.done",
    "code_interpreter_call.interpreting",
    "code_interpreter_call.completed",
    "output_item.done:code_interpreter_call",
]
IMAGE = [
    "output_item.added:image_generation_call",
    "image_generation_call.in_progress",
    "image_generation_call.generating",
    "image_generation_call.completed",
    "output_item.done:image_generation_call",
]
REFUSAL = [
    "output_item.added:message",
    "content_part.added",
    "refusal.delta",
    "refusal.done",
    "content_part.done",
    "output_item.done:message",
]
GROUNDED = {
    "groundingMetadata": {
        "webSearchQueries": ["news"],
        "groundingChunks": [{"web": {"uri": "https://x.test", "title": "X"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 0, "endIndex": 5, "text": "Hello"}, "groundingChunkIndices": [0]}
        ],
    }
}


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"text": words, **fields}


def function(name: str = "time", signature: str = "", **args: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": args}}
    return part | ({"thoughtSignature": signature} if signature else {})


STREAMS: dict[str, tuple[dict[str, Any], list[Any], list[str]]] = {
    "text": ({}, [gemini_chunk(text("Hel")), gemini_chunk(text("lo"), finish="STOP")], [*MESSAGE, "completed"]),
    "nothing": ({}, [gemini_chunk(text(""), finish="STOP")], ["completed"]),
    "thoughts": (
        {"reasoning": {"summary": "auto"}},
        [gemini_chunk(text("Hm", thought=True)), gemini_chunk(text("m.", thought=True), text("Hello"), finish="STOP")],
        [*THOUGHT, *MESSAGE, "completed"],
    ),
    "calls": (
        {"tools": [TIME]},
        [gemini_chunk(function(zone="a"), function(zone="b"), finish="STOP")],
        [*FUNCTION, *FUNCTION, "completed"],
    ),
    "text and a call": (
        {"tools": [TIME]},
        [gemini_chunk(text("A moment.")), gemini_chunk(function()), gemini_chunk(text(""), finish="STOP")],
        [*MESSAGE, *FUNCTION, "completed"],
    ),
    "custom": ({"tools": [RUN]}, [gemini_chunk(function("run", input="1+1"), finish="STOP")], [*CUSTOM, "completed"]),
    "tool search": (
        {"tools": [FIND]},
        [gemini_chunk(function("tool_search", goal="x"), finish="STOP")],
        ["output_item.added:tool_search_call", "output_item.done:tool_search_call", "completed"],
    ),
    "a signed call for a client that carries": (
        {"tools": [TIME], "include": ENCRYPTED},
        [gemini_chunk(function(signature=SIGNATURE), finish="STOP")],
        [*CARRIED, *FUNCTION, "completed"],
    ),
    "a signed call after thoughts": (
        {"tools": [TIME], "include": ENCRYPTED},
        [gemini_chunk(text("Hm.", thought=True)), gemini_chunk(function(signature=SIGNATURE), finish="STOP")],
        [*THOUGHT, *FUNCTION, "completed"],
    ),
    "a signed call for a client that does not carry": (
        {"tools": [TIME]},
        [gemini_chunk(function(signature=SIGNATURE), finish="STOP")],
        [*FUNCTION, "completed"],
    ),
    "a signed text": (
        {"include": ENCRYPTED},
        [gemini_chunk(text("Hello")), gemini_chunk(text("", thoughtSignature=SIGNATURE), finish="STOP")],
        [*MESSAGE, *CARRIED, "completed"],
    ),
    "search told by the grounding": (
        {"tools": [{"type": "web_search"}]},
        [gemini_chunk(text("Hello"), finish="STOP", **GROUNDED)],
        [*MESSAGE[:-3], "output_text.annotation.added", *MESSAGE[-3:], *SEARCH, "completed"],
    ),
    "search told by a call": (
        {"tools": [{"type": "web_search"}]},
        [
            gemini_chunk({"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["a", "b"]}, "id": "1"}}),
            gemini_chunk({"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB", "id": "1"}}),
            gemini_chunk(text("Hello"), finish="STOP", **GROUNDED),
        ],
        [*SEARCH, *MESSAGE[:-3], "output_text.annotation.added", *MESSAGE[-3:], "completed"],
    ),
    "code": (
        {"tools": [{"type": "code_interpreter"}]},
        [
            gemini_chunk({"executableCode": {"language": "PYTHON", "code": "print(1)"}}),
            gemini_chunk(
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}, text("One."), finish="STOP"
            ),
        ],
        [*CODE, *MESSAGE, "completed"],
    ),
    "image": (
        {},
        [gemini_chunk(text("Here."), {"inlineData": {"mimeType": "image/png", "data": PIXEL}}, finish="STOP")],
        [*MESSAGE, *IMAGE, "completed"],
    ),
    "cut": ({}, [gemini_chunk(text("Hel"), finish="MAX_TOKENS")], [*MESSAGE, "incomplete"]),
    "filtered": ({}, [gemini_chunk(text("Hel"), finish="SAFETY")], [*MESSAGE, "incomplete"]),
    "withheld": ({}, [{"candidates": [{"finishReason": "SAFETY"}]}], [*REFUSAL, "incomplete"]),
    "blocked": ({}, [{"promptFeedback": {"blockReason": "SAFETY"}}], [*REFUSAL, "incomplete"]),
}


@pytest.mark.parametrize(("parameters", "responses", "expected"), STREAMS.values(), ids=STREAMS)
def test_events_come_in_openais_order(parameters: Any, responses: Any, expected: Any) -> None:
    events = stream_of(accumulator_of(parsed(**parameters)), responses)
    assert kinds(events) == kinds([{"type": f"response.{kind}"} for kind in [*BEGIN, *expected]])
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


@pytest.mark.parametrize(("parameters", "responses", "expected"), STREAMS.values(), ids=STREAMS)
def test_a_stream_accumulates_to_the_plain_response(parameters: Any, responses: Any, expected: Any) -> None:
    request = parsed(**parameters)
    events = stream_of(accumulator_of(request), responses)
    plain = plain_of(accumulator_of(request), responses)
    assert events[-1]["response"] == plain
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert {item["id"]: item for item in done} == {item["id"]: item for item in plain["output"]}
    check_indexes(events, plain)
    state: ResponseStreamState[None] = ResponseStreamState(text_format=omit, input_tools=omit)
    for event in events:
        state.handle_event(EVENTS.validate_python(event))
    assert expected[-1] == plain["status"]


def check_indexes(events: list[dict[str, Any]], plain: dict[str, Any]) -> None:
    """Each event of an item has the item's id and its output index; text deltas add up to the text."""
    texts: dict[str, str] = {}
    for event in events:
        item_id = event.get("item_id") or event.get("item", {}).get("id")
        if item_id is not None:
            assert plain["output"][event["output_index"]]["id"] == item_id
        if event["type"].endswith(".delta"):
            texts[item_id] = texts.get(item_id, "") + event["delta"]
    for item in plain["output"]:
        whole: Any = {
            "message": lambda item: "".join(part.get("text") or part["refusal"] for part in item["content"]),
            "reasoning": lambda item: "".join(part["text"] for part in item["summary"]),
            "function_call": lambda item: item["arguments"],
            "custom_tool_call": lambda item: item["input"],
            "code_interpreter_call": lambda item: item["code"],
        }.get(item["type"])
        if whole is not None:
            assert texts.get(item["id"], "") == whole(item)


@pytest.mark.parametrize(("parameters", "responses", "expected"), STREAMS.values(), ids=STREAMS)
def test_the_items_equal_the_stored_message(parameters: Any, responses: Any, expected: Any) -> None:
    accumulator = accumulator_of(parsed(**parameters))
    plain = plain_of(accumulator, responses)
    del expected
    messages = items_to_messages(plain["output"], family=FLASH_3.family).messages
    kept = accumulator.messages[0]
    if plain["output"]:
        assert canonical_message(messages[0]) == canonical_message(kept)
        assert messages[0].get("images") == kept.get("images")
        assert len(messages) == 1


def test_calls_have_the_clients_names_and_namespaces() -> None:
    accumulator = accumulator_of(parsed(tools=[AGENTS, RUN]))
    plain = plain_of(
        accumulator, [gemini_chunk(function("agents.close"), function("close"), function("run", code=1), finish="STOP")]
    )
    first, second, third = plain["output"]
    assert (first["name"], first["namespace"]) == ("close", "agents")
    assert (second["name"], second["namespace"]) == ("close", "agents")
    assert third["input"] == '{"code":1}'
    assert [item["call_id"] for item in plain["output"]] == ["call_1", "call_2", "call_3"]
    assert accumulator.finish_reasons == ["tool_calls"]


def test_a_name_that_was_changed_for_gemini_is_restored() -> None:
    plain = plain_of(
        accumulator_of(parsed(tools=[{"type": "function", "name": "what?"}])),
        [gemini_chunk(function(sanitise_name("what?")), finish="STOP")],
    )
    assert plain["output"][0]["name"] == "what?"


def test_only_the_first_call_is_sent_without_parallel_calls() -> None:
    request = parsed(tools=[TIME], parallel_tool_calls=False)
    plain = plain_of(accumulator_of(request), [gemini_chunk(function(zone="a"), function(zone="b"), finish="STOP")])
    assert [item["arguments"] for item in plain["output"]] == ['{"zone":"a"}']


def test_output_items_in_a_later_input_are_read() -> None:
    request = parsed(tools=[TIME], include=ENCRYPTED)
    plain = plain_of(accumulator_of(request), [gemini_chunk(text("Hm."), function(signature=SIGNATURE), finish="STOP")])
    assert [item["type"] for item in plain["output"]] == ["message", "reasoning", "function_call"]
    carried = unpack_signature(plain["output"][1]["encrypted_content"], SIGNER)
    assert carried is not None
    assert (carried.owner, carried.value, carried.family) == ("call", SIGNATURE, FLASH_3.family)


def test_requested_encrypted_reasoning_is_always_sent() -> None:
    plain = plain_of(
        accumulator_of(parsed(include=ENCRYPTED)),
        [gemini_chunk(text("Hm.", thought=True), text("Hello"), finish="STOP")],
    )
    assert unpack_signature(plain["output"][0]["encrypted_content"], SIGNER)


def test_citations_count_characters_of_their_message() -> None:
    responses = [
        gemini_chunk({"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}}),
        gemini_chunk(
            text("Über Hello"),
            finish="STOP",
            groundingMetadata={
                "groundingChunks": [{"web": {"uri": "https://x.test", "title": "X"}}],
                "groundingSupports": [
                    {"segment": {"startIndex": 6, "endIndex": 11, "text": "Hello"}, "groundingChunkIndices": [0]}
                ],
            },
        ),
    ]
    plain = plain_of(accumulator_of(parsed()), responses)
    assert plain["output"][1]["content"][0]["annotations"] == [
        {"type": "url_citation", "start_index": 5, "end_index": 10, "title": "X", "url": "https://x.test"}
    ]


def test_citations_after_their_message_are_noted() -> None:
    accumulator = accumulator_of(parsed(tools=[TIME]))
    plain_of(
        accumulator, [gemini_chunk(text("Hello")), gemini_chunk(function()), gemini_chunk(finish="STOP", **GROUNDED)]
    )
    assert any(note.param == "output.content.annotations" for note in accumulator.notes)


def test_log_probabilities_are_sent_with_their_text() -> None:
    logprobs = {"chosenCandidates": [{"token": "Hi", "logProbability": -0.5}], "topCandidates": [{"candidates": []}]}
    request = parsed(include=["message.output_text.logprobs"])
    events = stream_of(accumulator_of(request), [gemini_chunk(text("Hi"), finish="STOP", logprobsResult=logprobs)])
    expected = [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]
    assert next(event for event in events if event["type"].endswith("text.delta"))["logprobs"] == expected
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == expected


def test_citations_before_many_messages_are_searched_a_few_times() -> None:
    """Each search reads the whole text; unsearched citations are noted, and the last message has its citations."""
    words = [f"word {number}. " for number in range(40)]
    parts = [part for word in words for part in ({"text": word}, {"text": "Hm.", "thought": True})][:-1]
    places = [sum(map(len, words[:number])) for number in range(40)]
    supports = [
        {"segment": {"startIndex": at, "endIndex": at + len(word), "text": word}, "groundingChunkIndices": [0]}
        for at, word in zip(places, words, strict=True)
    ]
    grounding = {"groundingChunks": [{"web": {"uri": "https://example.org/"}}], "groundingSupports": supports}
    accumulator = accumulator_of(parsed())
    plain = plain_of(accumulator, [gemini_chunk(groundingMetadata=grounding), gemini_chunk(*parts, finish="STOP")])
    cited = [bool(item["content"][0]["annotations"]) for item in plain["output"] if item["type"] == "message"]
    assert cited == [True] * 16 + [False] * 23 + [True]
    assert any("23 citations" in note.reason for note in accumulator.notes)
