"""Readers of bytes, texts and stored messages beside the translations: decoding, JSON, store, admin, emulator."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import brotli
import orjson
import pytest
import zstandard

from api.emulator.conversation import Conversation
from api.emulator.errors import GoogleError
from api.emulator.generation import Generation
from api.emulator.models import models
from api.emulator.rules import check_rules
from api.emulator.validation import check
from api.errors import GatewayError
from api.http.content_coding import decoded
from api.json.repair import read_json
from api.openai.shared.json_body import parse_json
from api.translate.conversation.call_arguments import read_arguments
from api.translate.conversation.tool_results import result_to_response
from api.translate.request.context import RequestContext
from gemini_gateway.server.daphne_fast.receive_queue import ReceiveQueue
from sessions_store.admin.display.message_display import message_display
from sessions_store.models import Message
from sessions_store.transcript import call_ids
from sessions_store.transcript.canonical import NodeId, NodeKey, message_key
from sessions_store.transcript.placement import rehang
from sessions_store.transcript.reading import stored_message
from sessions_store.writing.records import NewMessage
from tests.exchanges import user_message
from tests.unit.linear_work.hostile_texts import TEXTS, shapes_of_texts
from tests.unit.linear_work.measuring import Shape, Work, check_linear
from tests.unit.translate.requests import FLASH_3, assistant, call, result

MODEL = models()["gemini-3.8-flash"]


def spelt(text: str) -> Work:
    """Return the work on a text in all JSON inputs: a body, a call's arguments, a tool's result."""
    raw = text.encode()
    quoted = b'{"a":"' + raw + b'"}'

    def work() -> None:
        for body in (raw, quoted):
            with suppress(GatewayError):
                parse_json(body)
            with suppress(orjson.JSONDecodeError):
                read_json(body)
        read_arguments(text, path="p", context=RequestContext(profile=FLASH_3))
        result_to_response(text)

    return work


def coded(compress: Callable[[bytes], bytes], coding: str, count: int) -> Work:
    """Return the work on a compressed body."""
    body = compress(b"word " * count)

    def work() -> None:
        with suppress(GatewayError):
            decoded(body, [coding], limit=2**30)

    return work


def in_members(member: bytes, coding: str, count: int) -> Work:
    """Return the work on a body of many compressed members."""

    def work() -> None:
        with suppress(GatewayError):
            decoded(member * count, [coding], limit=2**30)

    return work


def emulated(request: dict[str, Any]) -> Work:
    """Return the work of the emulator on a request, plain and streamed."""

    def work() -> None:
        with suppress(GoogleError):
            checked = check(request, "GenerateContentRequest")
            check_rules(checked, MODEL, foreign_signatures=True)
            generation = Generation(Conversation(checked), MODEL)
            orjson.dumps(generation.response())
            orjson.dumps(list(generation.chunks()))

    return work


def request_of_text(text: str) -> dict[str, Any]:
    """Return a Gemini request with a text as prompt, system instruction, history and tool results."""
    called = {"functionCall": {"name": "f", "args": {}}}
    answered = {"functionResponse": {"name": "f", "response": {"output": text}}}
    turns = [("user", text), ("model", text), ("user", f"What is my name? {text}")]
    contents = [{"role": role, "parts": [{"text": own}]} for role, own in turns]
    contents[1:1] = [{"role": "model", "parts": [called]}, {"role": "user", "parts": [answered]}]
    return {"contents": contents, "systemInstruction": {"parts": [{"text": text}]}}


def turns(count: int) -> dict[str, Any]:
    """Return a Gemini request with a long conversation."""
    roles = [("user", "I am Ada. What is my name?"), ("model", "Ada.")] * (count // 2)
    contents = [{"role": role, "parts": [{"text": text}]} for role, text in roles]
    return {"contents": [*contents, {"role": "user", "parts": [{"text": "Who am I? What did I say about Ada?"}]}]}


def offered(count: int) -> dict[str, Any]:
    """Return a Gemini request with many callable tools."""
    names = [f"tool_{number}" for number in range(count)]
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": names}}
    prompt = {"role": "user", "parts": [{"text": "Call tool_1 in Paris"}]}
    tools = [{"functionDeclarations": [{"name": name, "description": "Calls"} for name in names]}]
    return {"contents": [prompt], "tools": tools, "toolConfig": config}


def at_once(count: int) -> list[dict[str, Any]]:
    """Return an assistant message with many calls, and their results."""
    calls = [call(f"c{number}") for number in range(count)]
    return [user_message(), assistant(None, tool_calls=calls), *(result(f"c{number}") for number in range(count))]


def hung_elsewhere(count: int) -> Work:
    """Return the work of moving a message with many calls, and their results, below another message."""
    parent, messages = None, []
    for body in at_once(count):
        key = message_key(1, parent, body)
        messages.append(NewMessage(key=key, parent=parent, role=body["role"], openai=orjson.dumps(body).decode()))
        parent = key
    return lambda: rehang(1, messages, {None: NodeKey("0" * 32)})


def with_other_ids(count: int) -> Work:
    """Return the work of mapping the call ids of results to the ids of their calls."""
    bodies = at_once(count)
    path = [
        stored_message(
            NodeId(f"{at:032x}"), NodeKey(f"{at:032x}"), body["role"], _renamed(body), 1, "", "", "", "", "", ""
        )
        for at, body in enumerate(bodies)
    ]
    rows = [(path[1].id, f"other c{number}", number) for number in range(count)]

    def work() -> None:
        matched = call_ids.with_matching_ids(path)
        assert '"c0"' in matched[2].openai

    def patched() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(call_ids, "read_rows", lambda *_: rows)
            work()

    return patched


def _renamed(body: dict[str, Any]) -> str:
    renamed = {"tool_call_id": f"other {body['tool_call_id']}"} if "tool_call_id" in body else {}
    return orjson.dumps({**body, **renamed}).decode()


def shown(body: dict[str, Any]) -> Work:
    """Return the work of rendering a stored message in the admin."""
    gemini_content = {"role": "model", "parts": [{"text": body["content"] or "", "thought": True}]}
    message = Message(
        role=body["role"], openai=orjson.dumps(body).decode(), gemini=orjson.dumps(gemini_content).decode()
    )
    return lambda: message_display(message).excerpt


def queued(count: int) -> Work:
    """Return the work of reading messages that were committed meanwhile."""

    async def take() -> None:
        inbox = ReceiveQueue()
        for _ in range(count):
            inbox.put_nowait({"type": "websocket.receive"})
        for _ in range(count):
            await inbox.get()

    return lambda: asyncio.run(take())


SHAPES = [
    *shapes_of_texts("JSON", spelt),
    *shapes_of_texts(
        "emulator", lambda text: emulated(request_of_text(text)), [name for name in TEXTS if "image" not in name]
    ),
    Shape("emulator: turns", lambda count: emulated(turns(count)), 20_000),
    Shape("emulator: tools", lambda count: emulated(offered(count)), 20_000),
    Shape("body: gzip", lambda count: coded(gzip.compress, "gzip", count), 400_000),
    Shape("body: deflate", lambda count: coded(zlib.compress, "deflate", count), 400_000),
    Shape("body: br", lambda count: coded(brotli.compress, "br", count), 400_000),
    Shape("body: zstd", lambda count: coded(zstandard.compress, "zstd", count), 400_000),
    Shape("body: members of gzip", lambda count: in_members(gzip.compress(b"word "), "gzip", count), 60_000),
    Shape("body: frames of zstd", lambda count: in_members(zstandard.compress(b"word "), "zstd", count), 60_000),
    Shape("store: calls at once under another message", hung_elsewhere, 20_000),
    Shape("store: results under other ids", with_other_ids, 20_000),
    Shape("admin: a text", lambda count: shown(assistant("word " * count))),
    Shape("admin: calls", lambda count: shown(at_once(count)[1]), 20_000),
    Shape("inbox: messages", queued, 1_000_000),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_work_of_other_readers_grows_with_the_size(shape: Shape) -> None:
    check_linear(shape)
