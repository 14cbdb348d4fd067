"""Any request becomes a body that Gemini accepts, or an error that names a parameter."""

import itertools
from contextlib import suppress
from typing import Any, Literal

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.errors import InvalidRequestError, UpstreamError
from api.openai.responses.request import ResponsesRequest, parse_responses
from api.translate.request.upstream_call import OMITTED, HistoryMessage
from api.translate.responses.carried_state import CarriedSignature, pack_signature
from api.translate.responses.input.items import ItemMessages
from api.translate.responses.input.message_items import message_to_items
from api.translate.responses.request import ResponsesCall, responses_to_gemini
from sessions_store.catalogue.model_profile import ModelProfile
from sessions_store.transcript.canonical import canonical_message
from tests.unit.responses.building import (
    SIGNER,
    accumulator_of,
    gemini_chunk,
    items_to_messages,
    own_messages,
    plain_of,
    stream_of,
)
from tests.unit.translate.requests import FLASH_2, FLASH_3, PIXEL, PLAIN, SIGNATURE, judge
from tests.unit.translate.test_candidates_hostile import mutations

OWNERS: tuple[Literal["call", "text"], ...] = ("call", "text")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
names = st.sampled_from(["time", "what?", "a.b", "1st", "x" * 100])
spaces = st.sampled_from([None, "agents", "time"])
blobs = st.sampled_from(
    [
        None,
        "gAAAA",
        *(
            pack_signature(CarriedSignature(owner=o, value=SIGNATURE, family=f), SIGNER)
            for o, f in itertools.product(OWNERS, ("", "gemini-3"))
        ),
    ]
)
user_parts = st.lists(
    st.one_of(
        texts.map(lambda text: {"type": "input_text", "text": text}),
        st.just({"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}),
        st.just({"type": "input_file", "filename": "a.pdf", "file_data": "JVBERi0="}),
    ),
    max_size=3,
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "developer"]), "content": texts | user_parts}
) | st.fixed_dictionaries({"role": st.just("assistant"), "content": texts})
thoughts = st.builds(
    lambda text, blob: {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text}],
        "encrypted_content": blob,
    },
    texts,
    blobs,
)
others = st.sampled_from(
    [
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "mcp_list_tools"},
        {"type": "mcp_call", "id": "mcp_1", "server_label": "w", "name": "n", "arguments": "{}", "output": "42"},
        {"type": "shell_call", "call_id": "sh_1", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "sh_1", "output": []},
        {"type": "function_call_output", "name": "time", "output": "12:00"},
        {"type": "computer_call_output", "call_id": "cu_1", "output": {"image_url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "configuration_update", "reasoning": {"effort": "high"}},
        {"type": "additional_tools", "tools": [{"type": "custom", "name": "run"}]},
        {"type": "image_generation_call", "result": PIXEL},
        {"type": "compaction", "encrypted_content": "x"},
    ]
)
counter = itertools.count()


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return calls of one message and their results, in any order."""
    calls: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        call_id = f"call_{next(counter)}"
        if draw(st.booleans()):
            call = {"type": "function_call", "arguments": draw(st.sampled_from(["", "{}", '{"a":[1]}']))}
        else:
            call = {"type": "custom_tool_call", "input": draw(texts)}
        calls.append(call | {"call_id": call_id, "name": draw(names), "namespace": draw(spaces)})
    results = [
        {"type": call["type"] + "_output", "call_id": call["call_id"], "output": draw(texts | user_parts)}
        for call in calls
    ]
    return [*draw(st.lists(thoughts, max_size=1)), *calls, *draw(st.permutations(results))]


items = st.lists(
    st.one_of(
        messages.map(lambda item: [item]), thoughts.map(lambda item: [item]), others.map(lambda item: [item]), batches()
    ),
    min_size=1,
    max_size=6,
).map(lambda groups: [item for group in groups for item in group])
functions = st.fixed_dictionaries(
    {"type": st.sampled_from(["function", "custom"]), "name": names}, optional={"description": texts}
)
tools = st.one_of(
    functions,
    st.fixed_dictionaries(
        {"type": st.just("namespace"), "name": st.just("ns"), "tools": st.lists(functions, max_size=2)}
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["web_search", "code_interpreter", "file_search", "mcp", "new!"])}),
)
choices = st.one_of(
    st.sampled_from(["none", "auto", "required", {"type": "web_search"}, {"type": "mcp"}]),
    st.fixed_dictionaries({"type": st.sampled_from(["function", "custom"]), "name": names}),
    st.fixed_dictionaries(
        {
            "type": st.just("allowed_tools"),
            "mode": st.sampled_from(["auto", "required"]),
            "tools": st.lists(tools, max_size=2),
        }
    ),
)
requests = st.fixed_dictionaries(
    {"model": st.just("m"), "input": texts | items},
    optional={
        "instructions": texts,
        "tools": st.lists(tools, max_size=3),
        "tool_choice": choices,
        "text": st.fixed_dictionaries(
            {},
            optional={
                "verbosity": st.just("low"),
                "format": st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
            },
        ),
        "reasoning": st.fixed_dictionaries(
            {}, optional={"effort": st.sampled_from(["none", "low", "max"]), "summary": st.just("auto")}
        ),
        "max_output_tokens": st.integers(16, 8192),
        "temperature": st.floats(0, 2),
        "top_logprobs": st.integers(0, 20),
        "include": st.lists(
            st.sampled_from(["reasoning.encrypted_content", "message.output_text.logprobs"]), max_size=2
        ),
    },
)
PROFILES = [FLASH_2, FLASH_3, PLAIN]
shuffled = items.flatmap(st.permutations).map(lambda some: [*some, {"role": "user", "content": "Go on."}])


def request_of(body: dict[str, Any]) -> ResponsesRequest | None:
    """Return the request, or None if the parser rejects the body."""
    try:
        return parse_responses(orjson.dumps(body))
    except InvalidRequestError:
        return None


def translated(
    request: ResponsesRequest, turns: ItemMessages, profile: ModelProfile
) -> tuple[ResponsesCall | None, InvalidRequestError | None]:
    """Return the translation, or the error."""
    try:
        return responses_to_gemini(request, own=turns, profile=profile), None
    except InvalidRequestError as error:
        return None, error


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests, st.sampled_from(PROFILES))
def test_a_valid_request_is_translated_or_rejected_by_name(body: dict[str, Any], profile: ModelProfile) -> None:
    request = request_of(body)
    if request is None:
        return
    turns = own_messages(request, profile.family)
    call, refusal = translated(request, turns, profile)
    if call is None:
        assert refusal is not None
        assert refusal.param
        assert not refusal.param.startswith(("messages", "remembered", "response_format"))
        return
    judge(call, profile)
    assert len(call.gemini_contents) == len(call.placement) == len(turns.messages)
    for gemini_content, place in zip(call.gemini_contents, call.placement, strict=True):
        assert (gemini_content is None) == (place == OMITTED)
    assert all(str(note) for note in call.notes)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shuffled, st.sampled_from([FLASH_2, FLASH_3]), st.integers(0, 20))
def test_every_order_of_items_is_accepted(sent: list[dict[str, Any]], profile: ModelProfile, cut: int) -> None:
    request = request_of({"model": "m", "input": sent})
    assert request is not None
    turns = own_messages(request, profile.family)
    before = items_to_messages(sent[:cut], family=profile.family).messages
    history = [HistoryMessage(message=message, content=None) for message in before]
    call = responses_to_gemini(request, own=turns, profile=profile, history=history)
    judge(call, profile)
    assert len(call.gemini_contents) == len(turns.messages)
    assert len(call.placement) == len(turns.messages) + len(history)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items)
def test_messages_of_items_stay_the_same_on_the_way_back(sent: list[dict[str, Any]]) -> None:
    turns = items_to_messages(sent)
    again: list[dict[str, Any]] = []
    for message in turns.messages:
        again += message_to_items(message, item_ids=iter(map(str, itertools.count())))
    assert [canonical_message(message) for message in items_to_messages(again).messages] == [
        canonical_message(message) for message in turns.messages
    ]


chunks = st.one_of(
    texts.map(lambda text: {"text": text}),
    texts.map(lambda text: {"text": text, "thought": True}),
    st.just({"text": "", "thoughtSignature": SIGNATURE}),
    names.map(lambda name: {"functionCall": {"name": name, "args": {"a": 1}}}),
    names.map(lambda name: {"functionCall": {"name": name}, "thoughtSignature": SIGNATURE}),
    st.just({"executableCode": {"language": "PYTHON", "code": "1"}}),
    st.just({"codeExecutionResult": {"output": "1"}}),
    st.just({"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["q"]}}}),
    st.just({"inlineData": {"mimeType": "image/png", "data": PIXEL}}),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(chunks, max_size=4), max_size=5),
    st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "SOMETHING_NEW"]),
    st.booleans(),
)
def test_any_stream_accumulates_to_the_plain_response(
    parts: list[list[dict[str, Any]]], finish: str, carries: bool
) -> None:
    include = ["reasoning.encrypted_content"] if carries else []
    request = parse_responses(orjson.dumps({"model": "m", "input": "Hi", "include": include}))
    responses = [*(gemini_chunk(*some) for some in parts), gemini_chunk(finish=finish)]
    events = stream_of(accumulator_of(request), responses)
    accumulator = accumulator_of(request)
    plain = plain_of(accumulator, responses)
    assert events[-1]["response"] == plain
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    ended = [event["output_index"] for event in events if event["type"] == "response.output_item.done"]
    assert sorted(ended) == list(range(len(plain["output"])))
    kept = items_to_messages(plain["output"]).messages
    if kept and kept != [{"role": "assistant", "content": None}]:
        assert [canonical_message(message) for message in kept] == [canonical_message(accumulator.messages[0])]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(mutations(), min_size=1, max_size=3))
def test_mutated_responses_raise_upstream_errors_only(responses: list[Any]) -> None:
    accumulator = accumulator_of(
        parse_responses(b'{"model": "m", "input": "Hi", "include": ["reasoning.encrypted_content"]}')
    )
    with suppress(UpstreamError):
        for response in responses:
            accumulator.feed(response)
        accumulator.finish()
    accumulator.failed(UpstreamError("Broken off."))
    assert accumulator.response()["status"] in ("completed", "incomplete", "failed")
    assert orjson.dumps([accumulator.response(), accumulator.contents, accumulator.messages])
