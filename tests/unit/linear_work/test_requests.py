"""Requests of all dialects, from their bytes to Gemini's body and to the stored messages."""

import itertools
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson
import pytest

from api.errors import InvalidRequestError
from api.exchange.responses.items import stored_items
from api.notes import notes_header
from api.openai.chat.request import parse_chat_completion
from api.openai.completions.request import parse_completion
from api.openai.responses.request import parse_responses
from api.translate.chat.request import chat_to_gemini
from api.translate.completions.request import completion_to_gemini
from api.translate.media.references import media_references
from api.translate.request.message_tokens import json_tokens
from api.translate.responses.request import responses_to_gemini
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.transcript.reading import message_keys
from tests.exchanges import user_message
from tests.unit.linear_work.hostile_texts import Hostile, shapes_of_texts
from tests.unit.linear_work.measuring import Shape, Work, check_linear
from tests.unit.responses.building import SIGNER, own_messages
from tests.unit.translate.requests import DATA_URL, FLASH_2, FLASH_3, assistant, call, result

# Signed, so that the state is read completely; without a conversation, so that each item is checked.
EMPTY_STATE = b64encode(b"gw2:" + SIGNER.code(b"{}") + b"{}").decode()
Fields = dict[str, Any]
Build = Callable[[int], Fields]

CHAT_MESSAGES, CHAT_CALLS, ITEMS, PARTS, TOOLS = 2000, 1024, 16_384, 4096, 128


def chat_work(parameters: Fields, profile: ModelProfile = FLASH_3) -> Work:
    """Return the work on a chat request."""
    body = orjson.dumps({"model": "gpt-4o", "messages": [user_message()], **parameters})

    def work() -> None:
        with suppress(InvalidRequestError):
            request = parse_chat_completion(body)
            keys = message_keys(1, request.messages)
            list(media_references(request.messages, restored={}))
            upstream = chat_to_gemini(request, profile=profile)
            json_tokens(orjson.dumps(upstream.body))
            assert len(keys) == len(upstream.gemini_contents)
            notes_header(upstream.notes)

    return work


def responses_work(parameters: Fields, profile: ModelProfile = FLASH_3) -> Work:
    """Return the work on a request of the Responses API."""
    body = orjson.dumps({"model": "gpt-6-astra", "input": "Hi", **parameters})

    def work() -> None:
        with suppress(InvalidRequestError):
            request = parse_responses(body)
            messages = own_messages(request)
            message_keys(1, messages.messages)
            stored_items(1, request.items, after="")
            upstream = responses_to_gemini(request, own=messages, profile=profile)
            orjson.dumps(upstream.body)
            notes_header(upstream.notes)

    return work


def completion_work(parameters: Fields) -> Work:
    """Return the work on a request for legacy completions."""
    body = orjson.dumps({"model": "gpt-3.5-turbo-instruct", "prompt": "Hi", **parameters})

    def work() -> None:
        with suppress(InvalidRequestError):
            for upstream in completion_to_gemini(parse_completion(body), profile=FLASH_3):
                orjson.dumps(upstream.body)

    return work


def chat(name: str, build: Build, most: int, profile: ModelProfile = FLASH_3) -> Shape:
    """Return a shape of chat requests."""
    return Shape(f"chat: {name}", lambda count: chat_work(build(count), profile), most)


def responses(name: str, build: Build, most: int, profile: ModelProfile = FLASH_3) -> Shape:
    """Return a shape of requests to the Responses API."""
    return Shape(f"responses: {name}", lambda count: responses_work(build(count), profile), most)


def everywhere(text: str) -> Fields:
    """Return a chat request with a text in every text field."""
    return {
        "messages": [
            {"role": "system", "content": text},
            user_message(text),
            user_message([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": DATA_URL}}]),
            assistant(text, reasoning_content=text, tool_calls=[call("c1", arguments=text), call("c2")]),
            result("c1", text),
            result("c2", [{"type": "text", "text": text}]),
            user_message(),
        ]
    }


def items_with(text: str) -> Fields:
    """Return a request of the Responses API with a text in every text field."""
    return {
        "instructions": text,
        "input": [
            {"role": "user", "content": text},
            {"role": "assistant", "content": text},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": text},
            {"type": "function_call_output", "call_id": "c1", "output": text},
            {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": text},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": text},
            {"type": "mcp_call", "id": "m1", "name": "h", "server_label": "s", "arguments": text, "output": text},
        ],
    }


def refused_in(text: str, kind: str) -> Fields:
    """Return a chat request with a text in the fields that accept some texts only."""
    parts: Mapping[str, Fields] = {
        "image": {"type": "image_url", "image_url": {"url": text}},
        "file": {"type": "file", "file": {"file_data": text, "filename": text}},
        "sound": {"type": "input_audio", "input_audio": {"data": text, "format": "wav"}},
    }
    return {"messages": [user_message([parts[kind]])]}


def in_turns(count: int) -> Fields:
    """Return a conversation of tool loops."""
    message = [user_message(), assistant(None, tool_calls=[call("c1")]), result("c1"), assistant("Done.")]
    return {"messages": [*itertools.islice(itertools.cycle(message), count - count % 4), user_message()]}


def at_once(count: int, *, backwards: bool = False, ids: Callable[[int], str] = "c{}".format) -> Fields:
    """Return a conversation with many calls of one message, and the results in order or reversed."""
    numbers = range(count)
    calls = [call(ids(number)) for number in numbers]
    results = [result(ids(number)) for number in (reversed(numbers) if backwards else numbers)]
    return {"messages": [user_message(), assistant(None, tool_calls=calls), *results, user_message()]}


def item_calls(count: int, *, backwards: bool = False, one_id: bool = False) -> Fields:
    """Return items with all calls before the results."""
    ids = ["c" if one_id else f"c{number}" for number in range(count // 2)]
    calls = [{"type": "function_call", "call_id": own, "name": "f", "arguments": "{}"} for own in ids]
    results = [{"type": "function_call_output", "call_id": own, "output": "x"} for own in ids]
    return {"input": [*calls, *(reversed(results) if backwards else results)]}


def functions(count: int) -> list[Fields]:
    """Return tools of the Responses API with names that Gemini does not accept."""
    return [{"type": "function", "name": f"a tool {number}", "parameters": {}} for number in range(count)]


def namespaces(count: int) -> list[Fields]:
    """Return tools in namespaces, with many namespaces per name."""
    inner = [[*functions(min(TOOLS, count - start))] for start in range(0, count, TOOLS)]
    return [{"type": "namespace", "name": f"n{number}", "tools": tools} for number, tools in enumerate(inner)]


def declared_again(count: int) -> Fields:
    """Return tools that items of the input declare again."""
    items = [{"type": "additional_tools", "role": "developer", "tools": tools} for tools in batches(count)]
    return {"input": [{"role": "user", "content": "Hi"}, *items, *items]}


def batches(count: int) -> list[list[Fields]]:
    """Return tools in lists of the maximum length of a request."""
    return [functions(count)[start : start + TOOLS] for start in range(0, count, TOOLS)]


def unknown(count: int) -> Fields:
    """Return many unknown fields."""
    return {f"field {number}": number for number in range(count)}


SHAPES = [
    *shapes_of_texts("chat", lambda text: chat_work(everywhere(text))),
    *shapes_of_texts("responses", lambda text: responses_work(items_with(text))),
    *shapes_of_texts("image", lambda text: chat_work(refused_in(text, "image")), ("base64", "padding", "blanks")),
    *shapes_of_texts("file", lambda text: chat_work(refused_in(text, "file")), ("base64", "padding", "blanks")),
    *shapes_of_texts("sound", lambda text: chat_work(refused_in(text, "sound")), ("base64", "padding", "blanks")),
    Shape("completions: words", lambda count: completion_work({"prompt": "word " * count, "suffix": "x" * count})),
    Shape("completions: prompts", lambda count: completion_work({"prompt": ["Hi"] * count}), 128),
    chat("messages", lambda count: {"messages": [user_message()] * count}, CHAT_MESSAGES),
    chat(
        "roles by turns", lambda count: {"messages": [user_message(), assistant("Yes")] * (count // 2)}, CHAT_MESSAGES
    ),
    chat("system messages", lambda count: {"messages": [{"role": "system", "content": "x"}] * count}, CHAT_MESSAGES),
    chat(
        "system messages between others",
        lambda count: {"messages": [user_message(), {"role": "system", "content": "x"}] * (count // 2)},
        CHAT_MESSAGES,
    ),
    chat(
        "assistant messages", lambda count: {"messages": [*[assistant("a")] * count, user_message()]}, CHAT_MESSAGES - 1
    ),
    chat(
        "assistant messages last",
        lambda count: {"messages": [user_message(), *[assistant("a")] * count]},
        CHAT_MESSAGES - 1,
    ),
    chat("tool loops", in_turns, CHAT_MESSAGES - 1),
    chat("tool loops of an older model", in_turns, CHAT_MESSAGES - 1, FLASH_2),
    chat("calls at once", at_once, CHAT_CALLS),
    chat("calls at once, results backwards", lambda count: at_once(count, backwards=True), CHAT_CALLS),
    chat("calls with one id", lambda count: at_once(count, ids=lambda _: "c"), CHAT_CALLS),
    chat("parts of text", lambda count: {"messages": [user_message([{"type": "text", "text": "x"}] * count)]}, PARTS),
    chat(
        "pictures",
        lambda count: {"messages": [user_message([{"type": "image_url", "image_url": {"url": DATA_URL}}] * count)]},
        PARTS,
        FLASH_2,
    ),
    chat("parts of an answer", lambda count: {"messages": [assistant([{"type": "text", "text": "x"}] * count)]}, PARTS),
    chat(
        "pictures of an answer",
        lambda count: {"messages": [assistant("x", images=[{"image_url": {"url": DATA_URL}}] * count), user_message()]},
        50_000,
    ),
    chat("unknown parameters", unknown, 50_000),
    chat("unknown fields of a message", lambda count: {"messages": [user_message() | unknown(count)]}, 50_000),
    chat("unknown options", lambda count: {"stream_options": unknown(count), "stream": True}, 50_000),
    chat(
        "tools",
        lambda count: {"tools": [{"type": "function", "function": {"name": f"t{number}"}} for number in range(count)]},
        TOOLS,
    ),
    chat("stop words", lambda count: {"stop": ["x"] * count}, 50_000),
    chat("metadata", lambda count: {"metadata": {str(number): "x" for number in range(count)}}, 50_000),
    chat("biases", lambda count: {"logit_bias": {str(number): 1 for number in range(count)}}, 50_000),
    chat("safety settings", lambda count: {"safety_settings": [unknown(1)] * count}, 50_000),
    chat("wrong messages", lambda count: {"messages": [{"role": "nobody"}] * count}, 50_000),
    chat("wrong parts", lambda count: {"messages": [user_message([{"type": "nothing"}] * count)]}, 50_000),
    chat("levels", lambda count: {"metadata": orjson.loads("[" * min(count, 200) + "]" * min(count, 200))}, 200),
    responses("messages", lambda count: {"input": [{"role": "user", "content": "x"}] * count}, ITEMS),
    responses(
        "roles by turns",
        lambda count: {"input": [{"role": role, "content": "x"} for role in ("user", "assistant")] * (count // 2)},
        ITEMS,
    ),
    responses("calls and results", item_calls, ITEMS),
    responses("calls and results backwards", lambda count: item_calls(count, backwards=True), ITEMS),
    responses("calls with one id", lambda count: item_calls(count, one_id=True), ITEMS),
    responses(
        "results alone",
        lambda count: {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}] * count},
        ITEMS,
    ),
    responses(
        "results without an id",
        lambda count: {"input": [{"type": "shell_call_output", "output": []}] * count},
        ITEMS,
    ),
    responses("reasoning", lambda count: {"input": [{"type": "reasoning", "id": "r", "summary": []}] * count}, ITEMS),
    responses(
        "compactions",
        lambda count: {"input": [{"type": "compaction", "encrypted_content": EMPTY_STATE}] * count},
        ITEMS,
    ),
    responses(
        "web searches", lambda count: {"input": [{"type": "web_search_call", "id": "w", "action": {}}] * count}, ITEMS
    ),
    responses("tools in namespaces", lambda count: {"tools": namespaces(count)}, TOOLS * TOOLS),
    responses("tools that are declared again", declared_again, 4096),
    responses(
        "allowed tools",
        lambda count: {
            "tools": namespaces(count),
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": f"a tool {number}"} for number in range(min(count, TOOLS))],
            },
        },
        TOOLS * TOOLS,
        FLASH_2,
    ),
    responses("unknown fields of an item", lambda count: {"input": [user_message() | unknown(count)]}, 50_000),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_work_on_a_request_grows_with_its_size(shape: Shape) -> None:
    check_linear(shape)


def test_a_hostile_text_has_the_stated_length() -> None:
    assert Hostile("ab", begin="<", end=">").text(2) == "<abab>"
