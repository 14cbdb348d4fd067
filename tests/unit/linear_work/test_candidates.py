"""Gemini's responses, plain and streamed, to all dialects and to the stored contents."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import orjson
import pytest

from api.errors import GatewayError
from api.gemini.error_mapping import upstream_error
from api.gemini.sse import StreamDecoder
from api.openai.shared.sse import event, named_event
from api.translate.responses.tools.names import CalledTool, CalledTools
from tests.unit.linear_work.hostile_texts import TEXTS, shapes_of_texts
from tests.unit.linear_work.measuring import Shape, Work, check_linear
from tests.unit.responses.building import accumulator_of, parsed
from tests.unit.translate.accumulators import chat_accumulator, completion_accumulator

Part = Mapping[str, Any]
Build = Callable[[int], list[Any]]

CHAT_TOOLS = {"a_tool_12345678": "a tool"}
WEB = {"web": {"uri": "https://example.org/", "title": "Example"}}
PNG = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
CODE = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
OUTPUT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}


def response_of_parts(parts: Iterable[Part], **fields: Any) -> Any:
    """Return one response of Gemini."""
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **fields}]}


def streamed(parts: Iterable[Part], **fields: Any) -> list[Any]:
    """Return a stream with one response per part; further fields come with the last response."""
    return [*(response_of_parts([part]) for part in parts), response_of_parts([], finishReason="STOP", **fields)]


def plain(parts: Iterable[Part], **fields: Any) -> list[Any]:
    """Return the single response of a plain call."""
    return [response_of_parts(parts, finishReason="STOP", **fields)]


def accumulate(accumulator: Any, responses: list[Any], encode: Callable[[Any], bytes]) -> None:
    """Feed an accumulator, encode the events, and read the stored contents."""
    with suppress(GatewayError):
        for response in responses:
            for chunk in accumulator.feed(response):
                encode(chunk)
        for chunk in accumulator.finish():
            encode(chunk)
        orjson.dumps([accumulator.messages, accumulator.contents, accumulator.usage, accumulator.usage_metadata])
        str([*map(str, accumulator.notes)])
        _ = accumulator.searches, accumulator.complete


def to_chat(responses: list[Any]) -> Work:
    """Return the work on a response to chat completions."""
    return lambda: accumulate(
        chat_accumulator(tool_names=CHAT_TOOLS, show_reasoning=True, top_logprobs=2), responses, event
    )


def to_completions(responses: list[Any]) -> Work:
    """Return the work on a response to legacy completions."""
    return lambda: accumulate(completion_accumulator(top_logprobs=2), responses, event)


def to_responses(responses: list[Any]) -> Work:
    """Return the work on a response to the Responses API; the request has a tool in a namespace for each chunk."""
    called = CalledTools()
    for number in range(len(responses)):
        called[f"n.{number}"] = CalledTool(kind="function", name=str(number), namespace="n")
    request = parsed(include=["reasoning.encrypted_content", "message.output_text.logprobs"], top_logprobs=2)

    def work() -> None:
        accumulator = accumulator_of(request, called=called)
        accumulate(accumulator, responses, named_event)
        orjson.dumps(accumulator.response())

    return work


def text(value: str, **fields: Any) -> Part:
    """Return a part of text."""
    return {"text": value, **fields}


def function_call(number: int, **fields: Any) -> Part:
    """Return a part with a call of a tool of its own."""
    return {"functionCall": {"name": str(number), "args": {"a": number}}, **fields}


def growing(count: int) -> list[Any]:
    """Return a call whose one argument arrives in many chunks."""
    grown = {"jsonPath": "$.a", "stringValue": "word " * 200, "willContinue": True}
    chunk = {"functionCall": {"willContinue": True, "partialArgs": [grown]}}
    return streamed([{"functionCall": {"name": "f", "willContinue": True}}, *[chunk] * count])


def in_one_call(count: int) -> list[Any]:
    """Return a call with many arguments, each in its own chunk."""
    pieces = [{"jsonPath": f"$.a{number}[1].b", "numberValue": number} for number in range(count)]
    return streamed([{"functionCall": {"name": "f", "partialArgs": pieces}}])


def side_by_side(count: int) -> list[Any]:
    """Return calls in chunks that are open at the same time, each with an id."""
    names = [{"name": "f", "id": f"c{number}", "willContinue": True} for number in range(count)]
    ends = [{"id": f"c{number}", "args": {"a": 1}} for number in reversed(range(count))]
    return streamed({"functionCall": call} for call in [*names, *ends])


def logprobs(count: int) -> dict[str, Any]:
    """Return the log probabilities of `count` tokens."""
    token = {"token": "word ", "logProbability": -0.1}
    return {"chosenCandidates": [token] * count, "topCandidates": [{"candidates": [token] * 3}] * count}


def with_logprobs(count: int) -> list[Any]:
    """Return a stream whose chunks have the log probabilities of their text."""
    return [response_of_parts([text("word ")], logprobsResult=logprobs(1)) for _ in range(count)] + streamed([])


def support(start: int, words: str) -> dict[str, Any]:
    """Return the grounding support of some words by the first source."""
    segment = {"startIndex": start, "endIndex": start + len(words.encode()), "text": words}
    return {"segment": segment, "groundingChunkIndices": [0]}


def grounding(supports: list[dict[str, Any]], *, chunks: int = 1) -> dict[str, Any]:
    """Return grounding metadata: sources and their supports."""
    return {"groundingMetadata": {"groundingChunks": [WEB] * chunks, "groundingSupports": supports}}


def cited(count: int, *, moved: int = 0, word: str = "Größe ") -> list[Any]:
    """Return a response with a citation of each word; `moved` is the distance from the word's position."""
    size = len(word.encode())
    supports = [support(number * size + moved, word) for number in range(count)]
    return plain([text(word * count)], **grounding(supports))


def never_found(count: int) -> list[Any]:
    """Return a response with citations of missing words."""
    return plain([text("word " * count)], **grounding([support(0, f"other {number}") for number in range(count)]))


def found_late(count: int) -> list[Any]:
    """Return a response with citations of words at other positions."""
    words = [f"w{number} " for number in range(count)]
    return plain([text("".join(words))], **grounding([support(0, word) for word in reversed(words)]))


def cited_first(count: int) -> list[Any]:
    """Return a stream of many messages whose citations come before them."""
    first = response_of_parts([text("word ")], **grounding([support(0, "word ")] * count))
    return [first, *streamed([text("word "), text("A thought", thought=True)] * (count // 2))]


def sources(count: int, *, first: int = 0) -> dict[str, Any]:
    """Return the queries and the sources of Google Search."""
    asked = [f"query {number}" for number in range(first, first + count)]
    return {"groundingMetadata": {"webSearchQueries": asked, "groundingChunks": [WEB] * count}}


def searched(count: int) -> list[Any]:
    """Return a response with many calls of Google's own search."""
    call = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "t", "args": {"queries": ["a", "b"]}}}
    return plain([call] * count)


def candidates(count: int) -> list[Any]:
    """Return responses with usage, each with a further chunk of one candidate."""
    usage = {"promptTokenCount": 1, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}] * 4}
    return [{**response_of_parts([text("a")]), "usageMetadata": usage} for _ in range(count)] + streamed([])


ANSWERS: dict[str, Build] = {
    "a text": lambda count: plain([text("word " * count)]),
    "parts of text": lambda count: plain([text("word ")] * count),
    "chunks of text": lambda count: streamed([text("word ")] * count),
    "signed texts": lambda count: streamed([text("word ", thoughtSignature="c2ln")] * count),
    "texts and thoughts": lambda count: streamed([text("a"), text("b", thought=True)] * (count // 2)),
    "thoughts": lambda count: streamed([text("word ", thought=True)] * count),
    "calls": lambda count: streamed(function_call(number) for number in range(count)),
    "signed calls": lambda count: plain(function_call(number, thoughtSignature="c2ln") for number in range(count)),
    "texts and calls": lambda count: plain([text("a"), function_call(1)] * (count // 2)),
    "a call in pieces": growing,
    "arguments of a call": in_one_call,
    "calls in pieces, side by side": side_by_side,
    "pages": lambda count: plain(
        [text("a")], urlContextMetadata={"urlMetadata": [{"retrievedUrl": f"https://a/{at}"} for at in range(count)]}
    ),
    "pictures": lambda count: streamed([PNG] * count),
    "code": lambda count: streamed([CODE, OUTPUT] * (count // 2)),
    "unknown parts": lambda count: streamed([{"nothing": {}}] * count),
    "log probabilities": lambda count: plain([text("word " * count)], logprobsResult=logprobs(count)),
    "log probabilities of chunks": with_logprobs,
    "citations": cited,
    "citations that have moved": lambda count: cited(count, moved=3),
    "citations that are not found": never_found,
    "citations that are found elsewhere": found_late,
    "citations of emoji": lambda count: cited(count, word="\U0001f600\U0001f600 "),
    "citations before their messages": cited_first,
    "citations of training texts": lambda count: plain(
        [text("word " * count)],
        citationMetadata={
            "citationSources": [{"startIndex": at, "endIndex": at + 1, "uri": "u"} for at in range(count)]
        },
    ),
    "sources": lambda count: plain([text("word")], **sources(count)),
    "sources in chunks": lambda count: [
        *(response_of_parts([], **sources(8, first=first)) for first in range(0, count, 8)),
        *streamed([text("a")]),
    ],
    "searches": searched,
    "usage": candidates,
}


def hostile_answer(value: str) -> list[Any]:
    """Return a response with a text in every text field."""
    parts: list[Part] = [
        text(value, thought=True),
        text(value),
        {"executableCode": {"language": "PYTHON", "code": value}},
        {"codeExecutionResult": {"output": value}},
        {"functionCall": {"name": "f", "args": {"input": value}}},
    ]
    return plain(parts, **grounding([support(1, value)]), citationMetadata={})


def decoded(body: bytes, size: int) -> Work:
    """Return the work on the bytes of a stream, in reads of one size."""
    reads = [body[start : start + size] for start in range(0, len(body), size)]

    def work() -> None:
        decoder = StreamDecoder(max_event_bytes=2**30)
        with suppress(GatewayError):
            for read in reads:
                decoder.feed(read)
            decoder.finish()

    return work


EVENT = b'data: {"candidates": [{"content": {"parts": [{"text": "word"}]}}]}\r\n\r\n'
STREAMS: dict[str, Callable[[int], Work]] = {
    "events": lambda count: decoded(EVENT * count, 65_536),
    "events in small reads": lambda count: decoded(EVENT * count, 7),
    "a long event": lambda count: decoded(b'data: {"a": "' + b"word " * count + b'"}\n\n', 1000),
    "a long event in small reads": lambda count: decoded(b'data: {"a": "' + b"word " * count + b'"}\n\n', 3),
    "a line without an end": lambda count: decoded(b"data: " + b"a" * count, 10),
    "lines of one event": lambda count: decoded(b"data: \n" * count, 1000),
    "line ends": lambda count: decoded(b"data: {}" + b"\r" * count, 100),
    "blank lines": lambda count: decoded(b"\r\n" * count, 3),
    "blanks": lambda count: decoded(b" " * count, 3),
    "comments": lambda count: decoded(b": alive\n\n" * count, 100),
    "garbage": lambda count: decoded(b"garbage\n" * count, 100),
    "an array": lambda count: decoded(b"[" + b'{"a": "b"},\n' * count + b"{}]", 100),
    "an array of braces": lambda count: decoded(b"[" + b"{" * count, 100),
    "a block of backslashes": lambda count: decoded(b'data: {}\n\n{"a": "' + b"\\\\" * count + b'"}\n', 101),
    "a block of lines": lambda count: decoded(b"data: {}\n\n{\n" + b'"a": 1,\n' * count, 100),
}


def fault(message: str) -> Work:
    """Return the work on an error of Gemini with a message."""
    details = [{"@type": "type", "reason": message, "retryDelay": message, "violations": [{"quotaId": message}]}]
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": details}
    body = orjson.dumps({"error": error})
    return lambda: [upstream_error(code, body, {"Retry-After": "1"}, openai_model="m") for code in (400, 429)]


FAULTS = {
    "unknown names": 'Unknown name "',
    "unknown names at a place": "Unknown name \"a\" at 'b': ",
    "invalid values": "Invalid value at 'a",
    "validations": "* GenerateContentRequest.a",
    "stars": "* AAAA",
    "delays": "Please retry in 1s",
    "delays without an end": "retry in 1m1ms",
    "digits": "1",
    "token counts": "input token count 1,",
    "cached contents": "cached content ",
    "function calls": "function calling ",
    "quotas": "perday",
    "pages of a document": "document limit ",
    "schemas": "schema ",
    "declarations": "functiondeclaration constraint ",
    "minima": "min_",
}


def accumulators(dialect: str, work: Callable[[list[Any]], Work]) -> list[Shape]:
    """Return the shapes of responses to a dialect."""
    return [Shape(f"{dialect}: {name}", partial(_built, work, build), 50_000) for name, build in ANSWERS.items()]


def _built(work: Callable[[list[Any]], Work], build: Build, count: int) -> Work:
    return work(build(count))


def errors() -> list[Shape]:
    """Return the shapes of errors."""
    return [Shape(f"error: {name}", partial(_repeated, unit), 200_000) for name, unit in FAULTS.items()]


def _repeated(unit: str, count: int) -> Work:
    return fault(unit * count)


WORDS = [name for name in TEXTS if "image" not in name]
SHAPES = [
    *accumulators("chat", to_chat),
    *accumulators("completions", to_completions),
    *accumulators("responses", to_responses),
    *shapes_of_texts("chat", lambda text: to_chat(hostile_answer(text)), WORDS),
    *shapes_of_texts("responses", lambda text: to_responses(hostile_answer(text)), WORDS),
    *(Shape(f"stream: {name}", work) for name, work in STREAMS.items()),
    *errors(),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_work_on_a_response_grows_with_its_size(shape: Shape) -> None:
    check_linear(shape)
