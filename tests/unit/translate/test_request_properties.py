"""Any parsed request is translated to a body that a strict Gemini accepts, or is an InvalidRequestError."""

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.errors import InvalidRequestError
from api.openai.chat.request import ChatCompletionRequest, parse_chat_completion
from api.openai.completions.request import parse_completion
from api.translate.chat.request import OMITTED, UpstreamCall, chat_to_gemini
from api.translate.completions.request import completion_to_gemini
from api.translate.config.google_options import OPTIONS
from api.translate.request.upstream_call import HistoryMessage
from sessions_store.catalogue.model_profile import ModelProfile
from tests.recorded import CLIENTS, client_requests
from tests.unit.translate.requests import (
    DATA_URL,
    FLASH_2,
    FLASH_3,
    PAINTER,
    PLAIN,
    PRO_2,
    SIGNATURE,
    SPEAKER,
    WEATHER_TOOL,
    check_schema,
    judge,
)

MODELS = (FLASH_2, PRO_2, FLASH_3)
ALL_MODELS = (*MODELS, PAINTER, SPEAKER, PLAIN)

texts = st.sampled_from(["", " ", "Hi", "ä\n🙂", '{"a": 1}', "[1]", '{"$ref": "x"}', f"![x]({DATA_URL})", "x" * 70])
names = st.sampled_from(["get_weather", "a b", "9x", "a_b", "ü", "n" * 70])
arguments = st.sampled_from(["", "{}", '{"b": 1, "a": [null]}', '{"a": 1.50}', "{}", "", "{"])
# A body with NUL is rejected before its parameters are parsed.
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
urls = st.sampled_from([DATA_URL, "data:x/y;base64,aa", "data:,", "https://example.com/a.png", "gs://a/b.png", "", "x"])
carriers = st.fixed_dictionaries(
    {},
    optional={
        "extra_content": junk | st.just({"google": {"thought_signature": SIGNATURE}}),
        # A few characters of base64 look like a signature to every program except Gemini, which rejects them.
        "thought_signature": junk.filter(lambda item: not isinstance(item, str)) | st.sampled_from([SIGNATURE, "!"]),
        "provider_specific_fields": junk,
        "reasoning_content": junk | texts,
        "images": junk | st.just([{"image_url": {"url": DATA_URL}}]),
        "name": st.none() | st.just("ann"),
    },
)
text_parts = st.fixed_dictionaries({"type": st.just("text"), "text": texts})
user_parts = st.one_of(
    text_parts,
    st.fixed_dictionaries(
        {"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": urls}, optional={"detail": texts})}
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("input_audio"),
            "input_audio": st.fixed_dictionaries({"data": urls, "format": st.sampled_from(["wav", "mp3", "x"])}),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("file"),
            "file": st.fixed_dictionaries({}, optional={"file_data": urls, "file_id": urls, "filename": texts}),
        }
    ),
)


def message(role: str, content: st.SearchStrategy[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"role": st.just(role), "content": content, **fields})


@st.composite
def call_turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return an assistant message with calls and a result for each call, in any order; ids may be equal."""
    ids = draw(st.lists(st.sampled_from(["c1", "c2", "c3", f"c4__thought__{SIGNATURE}"]), min_size=1, max_size=3))
    calls = [
        {"id": call_id, "type": "function", "function": {"name": draw(names), "arguments": draw(arguments)}}
        | draw(carriers)
        for call_id in ids
    ]
    results = [
        {"role": "tool", "tool_call_id": call_id, "content": draw(texts | st.lists(text_parts, max_size=2))}
        for call_id in draw(st.permutations(ids))
    ]
    return [{"role": "assistant", "content": draw(texts | st.none()), "tool_calls": calls} | draw(carriers), *results]


def joined(some: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the messages of one or several contents as one list."""
    return list(itertools.chain.from_iterable(some))


turns = st.one_of(
    message("user", texts | st.lists(user_parts, max_size=3)).map(lambda item: [item]),
    st.tuples(message("assistant", texts | st.lists(text_parts, max_size=2) | st.none()), carriers).map(
        lambda pair: [pair[0] | pair[1]]
    ),
    message("system", texts | st.lists(text_parts, max_size=2)).map(lambda item: [item]),
    message("developer", texts).map(lambda item: [item]),
    message("function", texts, name=names).map(lambda item: [item]),
    st.tuples(names, arguments).map(
        lambda pair: [{"role": "assistant", "function_call": {"name": pair[0], "arguments": pair[1]}}]
    ),
    call_turns(),
)
keywords = st.sampled_from(
    [
        "type",
        "const",
        "enum",
        "allOf",
        "anyOf",
        "items",
        "properties",
        "$ref",
        "nullable",
        "exclusiveMinimum",
        "required",
    ]
)
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(["object", "string", "#/$defs/A", "#/definitions/A"]),
    st.just(["string", "null"]),
)
nodes = st.recursive(
    values | st.dictionaries(keywords, values, max_size=3),
    lambda inner: st.dictionaries(keywords | st.just("x"), inner | st.lists(inner, max_size=3), max_size=4),
    max_leaves=12,
)
schemas = st.dictionaries(keywords | st.just("x"), nodes, max_size=4)
functions = st.fixed_dictionaries(
    {"name": names},
    optional={"description": texts, "parameters": schemas, "strict": st.booleans()},
)
grammars = st.fixed_dictionaries({"syntax": st.sampled_from(["lark", "regex"]), "definition": texts})
customs = st.fixed_dictionaries(
    {"name": names},
    optional={
        "description": texts,
        "format": st.just({"type": "text"}) | grammars.map(lambda item: {"type": "grammar", "grammar": item}),
    },
)
named = st.sampled_from(["function", "custom"]).flatmap(
    lambda kind: st.fixed_dictionaries({"type": st.just(kind), kind: st.fixed_dictionaries({"name": names})})
)
allowed = st.fixed_dictionaries({"mode": st.sampled_from(["auto", "required"]), "tools": st.lists(named, max_size=2)})
choices = st.one_of(
    st.sampled_from(["none", "auto", "required"]),
    named,
    st.fixed_dictionaries({"type": st.just("allowed_tools"), "allowed_tools": allowed}),
)
generation: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "stop": texts | st.lists(texts, max_size=16),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "n": st.integers(1, 8),
    "presence_penalty": st.floats(-2, 2),
    "frequency_penalty": st.floats(-2, 2),
    "logit_bias": st.sampled_from([{}, {"1": 0}, {"1": 5}]),
    "google": st.dictionaries(st.sampled_from([*OPTIONS, "x"]), junk, max_size=2)
    | st.fixed_dictionaries({"thinking_config": st.fixed_dictionaries({"thinking_budget": st.integers(-3, 99_999)})}),
    "safety_settings": st.lists(st.dictionaries(st.sampled_from(["category", "threshold"]), junk), max_size=2),
    "top_k": st.integers(1, 99),
}
requests = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(turns, min_size=1, max_size=6).map(joined)},
    optional={
        "tools": st.lists(
            functions.map(lambda item: {"type": "function", "function": item})
            | customs.map(lambda item: {"type": "custom", "custom": item}),
            max_size=3,
        ),
        "tool_choice": choices,
        "response_format": st.sampled_from([{"type": "text"}, {"type": "json_object"}])
        | schemas.map(lambda item: {"type": "json_schema", "json_schema": {"name": "n", "schema": item}}),
        "functions": st.lists(functions, max_size=3),
        "function_call": st.sampled_from(["none", "auto"]) | st.fixed_dictionaries({"name": names}),
        "max_tokens": st.integers(1, 2**31 - 1),
        "max_completion_tokens": st.integers(1, 2**31 - 1),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 20),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "modalities": st.lists(st.sampled_from(["text", "audio", "image", "x"]), max_size=3),
        "audio": st.fixed_dictionaries(
            {"voice": st.sampled_from(["alloy", "Kore", "x"]), "format": st.sampled_from(["wav", "pcm16", "mp3"])}
        ),
        "stream": st.booleans(),
        "extra_body": st.dictionaries(st.sampled_from(["google", "safety_settings", "x"]), junk, max_size=2),
        **generation,
    },
)


def parsed(body: dict[str, Any]) -> ChatCompletionRequest | None:
    """Return the request, or None if the parser rejects the body."""
    try:
        return parse_chat_completion(orjson.dumps(body))
    except InvalidRequestError:
        return None


def translated(
    request: ChatCompletionRequest, profile: ModelProfile
) -> tuple[UpstreamCall | None, InvalidRequestError | None]:
    """Return the translation, or the error."""
    try:
        return chat_to_gemini(request, profile=profile), None
    except InvalidRequestError as error:
        return None, error


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(requests, st.sampled_from(ALL_MODELS))
def test_a_valid_request_is_translated_or_rejected_by_name(body: dict[str, Any], profile: ModelProfile) -> None:
    request = parsed(body)
    if request is None:
        return
    upstream, refusal = translated(request, profile)
    if upstream is None:
        assert refusal is not None
        assert refusal.param
        return
    check_schema(upstream)
    assert len(upstream.gemini_contents) == len(upstream.placement) == len(request.messages)
    for gemini_content, place in zip(upstream.gemini_contents, upstream.placement, strict=True):
        assert (gemini_content is None) == (place == OMITTED)
        assert place < len(upstream.body["contents"])
    assert all(str(note) for note in upstream.notes)


plain_turns = st.one_of(
    message("user", texts | st.lists(text_parts, max_size=2)).map(lambda item: [item]),
    message("assistant", texts | st.none()).map(lambda item: [item]),
    message("system", texts).map(lambda item: [item]),
    call_turns(),
)
conversations = st.lists(plain_turns, min_size=1, max_size=8).map(joined)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conversations, st.sampled_from(MODELS))
def test_any_conversation_becomes_valid_contents(messages: list[dict[str, Any]], profile: ModelProfile) -> None:
    request = parsed({"model": "m", "messages": messages})
    if request is None:
        return
    judge(chat_to_gemini(request, profile=profile), profile)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conversations, conversations, st.sampled_from(MODELS), st.sampled_from(MODELS))
def test_the_stored_content_of_one_model_is_accepted_by_another(
    earlier: list[dict[str, Any]], messages: list[dict[str, Any]], before: ModelProfile, profile: ModelProfile
) -> None:
    """The stored contents of an earlier request precede a later request, and replace its messages."""
    first, then = parsed({"model": "m", "messages": earlier}), parsed({"model": "m", "messages": messages})
    if first is None or then is None:
        return
    gemini_contents = chat_to_gemini(first, profile=before).gemini_contents
    history = [HistoryMessage(message=dict(m), content=f) for m, f in zip(first.messages, gemini_contents, strict=True)]
    judge(chat_to_gemini(then, profile=profile, history=history), profile)
    restored = {
        index: gemini_content
        for index, (item, gemini_content) in enumerate(zip(first.messages, gemini_contents, strict=True))
        if item["role"] == "assistant" and gemini_content is not None
    }
    judge(chat_to_gemini(first, profile=profile, restored=restored), profile)


completions = st.fixed_dictionaries(
    {"model": st.just("m"), "prompt": texts | st.lists(texts, min_size=1, max_size=3)},
    optional={
        "suffix": texts,
        "max_tokens": st.integers(1, 2**31 - 1),
        "best_of": st.integers(1, 20),
        "echo": st.booleans(),
        "logprobs": st.integers(0, 5),
        "stream": st.booleans(),
        **generation,
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(completions, st.sampled_from(MODELS), conversations)
def test_any_completion_is_translated_or_rejected_by_name(
    body: dict[str, Any], profile: ModelProfile, earlier: list[dict[str, Any]]
) -> None:
    session = parsed({"model": "m", "messages": earlier})
    try:
        request = parse_completion(orjson.dumps(body))
        gemini_contents = chat_to_gemini(session, profile=profile).gemini_contents if session is not None else []
        history = [
            HistoryMessage(message=dict(m), content=f)
            for m, f in zip(session.messages if session is not None else (), gemini_contents, strict=True)
        ]
        calls = completion_to_gemini(request, profile=profile, history=history)
    except InvalidRequestError as error:
        rejected, calls = error.param, []
    else:
        rejected = None
        assert len(calls) == len(request.prompts)
    assert calls or rejected
    for call in calls:
        judge(call, profile)


combinations = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.just([WEATHER_TOOL]),
        "tool_choice": st.sampled_from(["none", "auto", "required"]),
        "parallel_tool_calls": st.booleans(),
        "response_format": st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
        "web_search_options": st.just({}),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "xhigh", "max"]),
        "reasoning": st.sampled_from([{}, {"effort": "high"}, {"exclude": True}, {"enabled": False}]),
        "logprobs": st.booleans(),
        "service_tier": st.sampled_from(["auto", "default", "flex", "priority", "scale"]),
        "google": st.fixed_dictionaries(
            {},
            optional={
                "google_search": st.booleans(),
                "code_execution": st.just({}),
                "url_context": st.booleans(),
                "cached_content": st.just("cachedContents/a"),
                "media_resolution": st.sampled_from(["low", "medium", "high"]),
                "thinking_config": st.sampled_from([{"thinking_budget": 0}, {"include_thoughts": True}]),
            },
        ),
    },
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(combinations, st.sampled_from(MODELS))
def test_any_combination_of_parameters_becomes_a_valid_body(parameters: dict[str, Any], profile: ModelProfile) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    request = parsed({"model": "m", "messages": messages, **parameters})
    if request is None:
        return
    upstream, refusal = translated(request, profile)
    if upstream is None:
        assert refusal is not None
        assert refusal.param == "tools"  # the model cannot call functions
        return
    judge(upstream, profile)


def client_bodies() -> list[Any]:
    """Return the recorded requests of real clients to the two endpoints, as parameters of a test."""
    return [
        pytest.param(sent["body"], id=f"{client}-{number}")
        for client in CLIENTS
        for number, sent in client_requests(client)
        if sent["path"].endswith("completions") and sent["method"] == "POST" and sent.get("body", {}).get("model")
    ]


@pytest.mark.parametrize("profile", MODELS, ids=lambda profile: profile.name)
@pytest.mark.parametrize("body", client_bodies())
def test_recorded_requests_of_real_clients_are_accepted(body: dict[str, Any], profile: ModelProfile) -> None:
    if "prompt" in body:
        for upstream in completion_to_gemini(parse_completion(orjson.dumps(body)), profile=profile):
            judge(upstream, profile)
    elif body["messages"]:
        judge(chat_to_gemini(parse_chat_completion(orjson.dumps(body)), profile=profile), profile)
