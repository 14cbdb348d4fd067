"""Accumulators for the tests of candidates, and the accumulation of streams by the SDK's own accumulator."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from openai._models import construct_type
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from api.openai.chat.tools import custom_names
from api.translate.chat.accumulator import ChatAccumulator
from api.translate.completions.accumulator import CompletionAccumulator
from api.translate.tools.names import ToolNames

MODEL = "gpt-4o"
CREATED = 1_700_000_000


def call_ids() -> Iterator[str]:
    """Return consecutive ids: call_1, call_2, …"""
    return (f"call_{number}" for number in itertools.count(1))


def chat_accumulator(**options: Any) -> ChatAccumulator:
    """Return a new accumulator, by default with one choice."""
    defaults: dict[str, Any] = {
        "id": "chatcmpl-test",
        "created": CREATED,
        "model": MODEL,
        "choices": 1,
        "call_ids": call_ids(),
        "tool_names": {},
        "include_usage": False,
    }
    return ChatAccumulator(**{**defaults, **options})


def completion_accumulator(**options: Any) -> CompletionAccumulator:
    """Return a new accumulator of a legacy completion, by default with one choice."""
    defaults: dict[str, Any] = {"id": "cmpl-test", "created": CREATED, "model": MODEL, "choices": 1}
    return CompletionAccumulator(**{**defaults, "include_usage": False, **options})


def accumulator_for(request: Mapping[str, Any]) -> ChatAccumulator | CompletionAccumulator:
    """Return the accumulator of an OpenAI request, as the exchange builds it."""
    include_usage = (request.get("stream_options") or {}).get("include_usage", False)
    n = request.get("n", 1)
    if "prompt" in request:
        prompts = request["prompt"] if isinstance(request["prompt"], list) else [request["prompt"]]
        return completion_accumulator(
            model=request["model"],
            choices=len(prompts) * n,
            prompts=prompts,
            echo=request.get("echo", False),
            include_usage=include_usage,
            top_logprobs=request.get("logprobs"),
        )
    names = ToolNames()
    for tool in request.get("tools", ()):
        names.sent(tool[tool["type"]]["name"])
    return chat_accumulator(
        model=request["model"],
        choices=n,
        tool_names=names.changed,
        custom_tools=custom_names(request.get("tools", ())),
        include_usage=include_usage,
        parallel_tool_calls=request.get("parallel_tool_calls", True),
        legacy_functions="functions" in request,
        show_reasoning="reasoning" in request,
        top_logprobs=request.get("top_logprobs", 0) if request.get("logprobs") else None,
    )


def stream_of(
    accumulator: ChatAccumulator | CompletionAccumulator, responses: Sequence[tuple[int, Any]]
) -> list[dict[str, Any]]:
    """Feed (first choice, response) pairs and return every chunk of the stream as JSON.

    A chunk must not change after `feed` has returned it, because it is sent later.
    """
    chunks: list[Any] = []
    at_once: list[str] = []
    for first_choice, response in responses:
        fed = accumulator.feed(response, first_choice=first_choice)
        chunks += fed
        at_once += map(json.dumps, fed)
    ended = accumulator.finish()
    assert list(map(json.dumps, chunks)) == at_once
    sent: list[dict[str, Any]] = json.loads(json.dumps([*chunks, *ended]))
    return sent


def plain_of(
    accumulator: ChatAccumulator | CompletionAccumulator, responses: Sequence[tuple[int, Any]]
) -> dict[str, Any]:
    """Accumulate (first choice, response) pairs and return the plain response as JSON."""
    for first_choice, response in responses:
        accumulator.accumulate(response, first_choice=first_choice)
    sent: dict[str, Any] = json.loads(json.dumps(accumulator.completion()))
    return sent


def accumulate(chunks: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return message and finish reason of each choice, accumulated from a stream by the SDK."""
    if chunks[0]["object"] == "text_completion":
        return _accumulated_completion(chunks)
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks:
        ChatCompletionChunk.model_validate(without_custom_calls(chunk), strict=True)
        # Like the client's own chunks: types that are missing in OpenAI's document are accepted.
        state.handle_chunk(construct_type(type_=ChatCompletionChunk, value=chunk))  # type: ignore[arg-type]
    accumulated = state.current_completion_snapshot.model_dump(exclude_unset=True)
    return {choice["index"]: _choice(choice) for choice in accumulated["choices"]}


def without_custom_calls(chunk: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chunk without deltas of custom tools: OpenAI streams them, but OpenAI's document lacks them."""
    choices = []
    for choice in chunk["choices"]:
        delta = dict(choice["delta"])
        if "tool_calls" in delta:
            delta["tool_calls"] = [call for call in delta["tool_calls"] if "custom" not in call]
        choices.append({**choice, "delta": delta})
    return {**chunk, "choices": choices}


def choices_of(plain: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return message and finish reason of each choice of a plain response, validated by the SDK's types."""
    kind = Completion if plain["object"] == "text_completion" else ChatCompletion
    kind.model_validate(plain, strict=True)
    return {choice["index"]: _choice(choice) for choice in plain["choices"]}


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    if "text" in choice:
        return {"text": choice["text"], "finish_reason": choice["finish_reason"]}
    message = {key: value for key, value in choice["message"].items() if value is not None and key != "parsed"}
    if "tool_calls" in message:
        message["tool_calls"] = [_called(call) for call in message["tool_calls"]]
    return {"message": message, "finish_reason": choice["finish_reason"]}


def _called(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call without the additions of the accumulator: index of the delta, parsed arguments, null `function`."""
    stored = {key: value for key, value in call.items() if key != "index" and value is not None}
    if "function" in stored:
        stored["function"] = {key: stored["function"][key] for key in ("name", "arguments")}
    return stored


def _accumulated_completion(chunks: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    accumulated: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        # The SDK's type rejects the null that OpenAI sends in every chunk except the last.
        Completion.model_validate(
            {**chunk, "choices": [{**choice, "finish_reason": "stop"} for choice in chunk["choices"]]}, strict=True
        )
        for choice in chunk["choices"]:
            so_far = accumulated.setdefault(choice["index"], {"text": "", "finish_reason": None})
            so_far["text"] += choice["text"]
            so_far["finish_reason"] = choice["finish_reason"]
    return accumulated
