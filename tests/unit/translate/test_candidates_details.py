"""Fields beside the text: log probabilities, signatures, tier, fingerprint, refusals, reasons of empty responses."""

from typing import Any

import pytest

from api.errors import UpstreamError
from tests.unit.translate.accumulators import (
    accumulate,
    chat_accumulator,
    choices_of,
    completion_accumulator,
    plain_of,
    stream_of,
)

SIGNATURE = "c2lnbmF0dXJl"
CARRIED = {"google": {"thought_signature": SIGNATURE}}


def response(*parts: Any, reason: str | None = "STOP", **fields: Any) -> tuple[int, dict[str, Any]]:
    """Return a response with one candidate; `candidate` adds fields to it, further arguments to the response."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, **fields.pop("candidate", {})}
    if reason:
        candidate["finishReason"] = reason
    return 0, {"candidates": [candidate], **fields}


def likelihood(*tokens: str, alternatives: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a logprobsResult; the first token is certain, so proto JSON omits its logProbability."""
    chosen: list[dict[str, Any]] = [{"token": token, "logProbability": -0.5} for token in tokens]
    del chosen[0]["logProbability"]
    top = [
        {"candidates": [{"token": alternative, "logProbability": -1} for alternative in alternatives]} for _ in tokens
    ]
    return {"logprobsResult": {"chosenCandidates": chosen, "topCandidates": top}}


PIECES = [
    response({"text": "Grün"}, reason=None, candidate=likelihood("Gr", "ün", alternatives=("a", "b"))),
    response({"text": " ok"}, candidate=likelihood(" ok", alternatives=("a", "b"))),
]


def test_log_probabilities_have_openais_form() -> None:
    plain = plain_of(chat_accumulator(top_logprobs=1), PIECES)
    choices_of(plain)
    [choice] = plain["choices"]
    assert choice["logprobs"]["refusal"] is None
    first, second, third = choice["logprobs"]["content"]
    assert first == {
        "token": "Gr",
        "logprob": 0.0,
        "bytes": [71, 114],
        "top_logprobs": [{"token": "a", "logprob": -1.0, "bytes": [97]}],
    }
    assert (second["bytes"], second["logprob"]) == (list("ün".encode()), -0.5)
    assert third["token"] == " ok"


def test_log_probabilities_stream_with_their_text() -> None:
    chunks = stream_of(chat_accumulator(top_logprobs=0), PIECES)
    accumulate(chunks)
    told = [
        [entry["token"] for entry in chunk["choices"][0]["logprobs"]["content"]]
        for chunk in chunks
        if chunk["choices"][0]["logprobs"]
    ]
    assert told == [["Gr", "ün"], [" ok"]]
    content = [entry for chunk in chunks for entry in (chunk["choices"][0]["logprobs"] or {}).get("content", ())]
    assert content == plain_of(chat_accumulator(top_logprobs=0), PIECES)["choices"][0]["logprobs"]["content"]


def test_log_probabilities_without_text_are_in_the_last_chunk() -> None:
    late = [response({"text": "a"}, reason=None), response(candidate=likelihood("a"))]
    *_, closing = stream_of(chat_accumulator(top_logprobs=0), late)
    assert [entry["token"] for entry in closing["choices"][0]["logprobs"]["content"]] == ["a"]


@pytest.mark.parametrize("wanted", [None, 2])
def test_missing_log_probabilities_are_null(wanted: int | None) -> None:
    responses = [response({"text": "a"})] if wanted else PIECES
    assert plain_of(chat_accumulator(top_logprobs=wanted), responses)["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("outcome", [7, {"chosenCandidates": 1}, {"chosenCandidates": [{"logProbability": "x"}]}])
def test_log_probabilities_of_another_shape_are_an_upstream_error(outcome: Any) -> None:
    with pytest.raises(UpstreamError):
        plain_of(chat_accumulator(top_logprobs=1), [response({"text": "a"}, candidate={"logprobsResult": outcome})])


@pytest.mark.parametrize(("echo", "start"), [(False, 0), (True, len("Farbe: "))])
def test_legacy_log_probabilities_have_text_offsets(echo: bool, start: int) -> None:
    options: dict[str, Any] = {"prompts": ["Farbe: "], "echo": echo, "top_logprobs": 1}
    [choice] = plain_of(completion_accumulator(**options), PIECES)["choices"]
    assert choice["logprobs"] == {
        "tokens": ["Gr", "ün", " ok"],
        "token_logprobs": [0.0, -0.5, 0.0],
        "top_logprobs": [{"a": -1.0, "Gr": 0.0}, {"a": -1.0, "ün": -0.5}, {"a": -1.0, " ok": 0.0}],
        "text_offset": [start, start + 2, start + 4],
    }
    chunks = stream_of(completion_accumulator(**options), PIECES)
    offsets = [chunk["choices"][0]["logprobs"]["text_offset"] for chunk in chunks if chunk["choices"][0]["logprobs"]]
    assert offsets == [[start, start + 2], [start + 4]]
    for chunk in chunks:
        told = chunk["choices"][0]["logprobs"]
        assert told is None or "".join(told["tokens"]) == chunk["choices"][0]["text"]


def test_signatures_of_calls_are_sent() -> None:
    responses = [
        response({"functionCall": {"name": "a"}, "thoughtSignature": SIGNATURE}, {"functionCall": {"name": "b"}})
    ]
    accumulator = chat_accumulator()
    plain = plain_of(accumulator, responses)
    first, second = plain["choices"][0]["message"]["tool_calls"]
    assert first["extra_content"] == CARRIED
    assert "extra_content" not in second
    assert "extra_content" not in str(accumulator.messages)
    accumulated = accumulate(stream_of(chat_accumulator(), responses))
    assert accumulated == choices_of(plain)


@pytest.mark.parametrize(
    "parts",
    [
        [{"text": "Hi", "thoughtSignature": SIGNATURE}],
        [{"text": "Hi"}, {"text": "", "thoughtSignature": SIGNATURE}],
        [{"text": "Hi"}, {"thoughtSignature": SIGNATURE}],
        [{"text": "Hi", "thoughtSignature": "b3RoZXI="}, {"text": "", "thoughtSignature": SIGNATURE}],
    ],
)
def test_the_last_signature_of_a_text_is_sent(parts: list[Any]) -> None:
    plain = plain_of(chat_accumulator(), [response(*parts)])
    alone = {"thought_signature_alone": True} if not parts[-1].get("text") else {}
    carried = {"google": {"thought_signature": SIGNATURE, **alone}}
    assert plain["choices"][0]["message"]["extra_content"] == carried
    pieces = [response(part, reason=None) for part in parts]
    accumulated = accumulate(stream_of(chat_accumulator(), [*pieces, response()]))
    assert accumulated == choices_of(plain)


def test_the_signature_of_a_thought_is_not_sent() -> None:
    responses = [response({"text": "Hm", "thought": True, "thoughtSignature": SIGNATURE}, {"text": "Hi"})]
    assert "extra_content" not in plain_of(chat_accumulator(), responses)["choices"][0]["message"]


def test_legacy_calls_have_their_signature() -> None:
    responses = [response({"functionCall": {"name": "a"}, "thoughtSignature": SIGNATURE})]
    [choice] = plain_of(chat_accumulator(legacy_functions=True), responses)["choices"]
    assert choice["message"]["function_call"] == {"name": "a", "arguments": "{}", "extra_content": CARRIED}


THOUGHTS = [response({"text": "Hm. ", "thought": True}, {"text": "So.", "thought": True}, {"text": "Hi"})]


def test_thoughts_are_sent_as_reasoning_on_request() -> None:
    plain = plain_of(chat_accumulator(show_reasoning=True), THOUGHTS)
    message = plain["choices"][0]["message"]
    assert message["reasoning"] == message["reasoning_content"] == "Hm. So."
    chunks = stream_of(chat_accumulator(show_reasoning=True), THOUGHTS)
    assert accumulate(chunks) == choices_of(plain)
    keys = [key for chunk in chunks for key in ("reasoning", "content") if chunk["choices"][0]["delta"].get(key)]
    assert keys == ["reasoning", "reasoning", "content"]
    assert "reasoning" not in plain_of(chat_accumulator(), THOUGHTS)["choices"][0]["message"]


def test_hidden_thoughts_are_not_sent() -> None:
    told = [
        str(plain_of(chat_accumulator(show_thoughts=False), THOUGHTS)),
        str(stream_of(chat_accumulator(show_thoughts=False), THOUGHTS)),
    ]
    assert all("Hm." not in text for text in told)


@pytest.mark.parametrize(
    ("served", "told"),
    [("standard", "default"), ("STANDARD", "default"), ("flex", "flex"), ("priority", "priority")],
)
def test_rule_077_the_tier_is_the_served_one(served: str, told: str) -> None:
    responses = [response({"text": "a"}, reason=None, usageMetadata={"serviceTier": served}), response()]
    assert plain_of(chat_accumulator(), responses)["service_tier"] == told
    assert {chunk["service_tier"] for chunk in stream_of(chat_accumulator(), responses)} == {told}


@pytest.mark.parametrize(
    ("traffic", "told"),
    [("ON_DEMAND", "default"), ("ON_DEMAND_FLEX", "flex"), ("PROVISIONED_THROUGHPUT", None), (7, None)],
)
def test_the_traffic_type_of_vertex_is_the_tier(traffic: Any, told: str | None) -> None:
    plain = plain_of(chat_accumulator(), [response({"text": "a"}, usageMetadata={"trafficType": traffic})])
    assert plain.get("service_tier") == told


def test_a_response_without_a_tier_of_gemini_has_none() -> None:
    assert "service_tier" not in plain_of(chat_accumulator(), [response({"text": "a"})])


def test_the_fingerprint_follows_the_models_version() -> None:
    one, same, other = (
        plain_of(chat_accumulator(), [response({"text": text}, modelVersion=version)])["system_fingerprint"]
        for text, version in (("a", "gemini-3.8-flash"), ("b", "gemini-3.8-flash"), ("c", "gemini-3.7-flash"))
    )
    assert one == same != other
    assert one.startswith("fp_")
    assert plain_of(chat_accumulator(), [response({"text": "a"})])["system_fingerprint"] is None


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT"])
def test_a_completely_filtered_response_has_a_refusal(reason: str) -> None:
    responses = [response(reason=reason)]
    plain = plain_of(chat_accumulator(), responses)
    [choice] = plain["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", None)
    assert choice["message"]["refusal"] == f"The answer was withheld by Gemini ({reason})."
    assert accumulate(stream_of(chat_accumulator(), responses)) == choices_of(plain)


def test_a_partly_filtered_response_has_no_refusal() -> None:
    [choice] = plain_of(chat_accumulator(), [response({"text": "Once"}, reason="SAFETY")])["choices"]
    assert (choice["message"]["content"], choice["message"]["refusal"]) == ("Once", None)


def test_rule_066_thoughts_that_use_up_the_limit_are_noted() -> None:
    for accumulator in (chat_accumulator(), completion_accumulator()):
        plain_of(accumulator, [response(reason="MAX_TOKENS", usageMetadata={"thoughtsTokenCount": 97})])
        [note] = accumulator.notes
        assert (note.kind, note.param) == ("clamped", "choices[0].message.content")
        assert "97 tokens" in note.reason


@pytest.mark.parametrize(
    ("parts", "reason", "thoughts"),
    [([{"text": "a"}], "MAX_TOKENS", 97), ([], "MAX_TOKENS", 0), ([], "STOP", 97)],
)
def test_rule_066_other_responses_have_no_note(parts: list[Any], reason: str, thoughts: int) -> None:
    accumulator = chat_accumulator()
    plain_of(accumulator, [response(*parts, reason=reason, usageMetadata={"thoughtsTokenCount": thoughts})])
    assert accumulator.notes == []


def test_a_full_segment_has_finish_reason_length_and_a_note() -> None:
    accumulator = chat_accumulator()
    [choice] = plain_of(accumulator, [response({"text": "a"}, reason="CONTINUATION")])["choices"]
    assert choice["finish_reason"] == "length"
    assert [(note.kind, note.param) for note in accumulator.notes] == [("converted", "choices[0].finish_reason")]


@pytest.mark.parametrize("support", [{"groundingChunkIndices": 1}, {"segment": "x"}, 7])
def test_sources_of_another_shape_are_an_upstream_error_at_once(support: Any) -> None:
    accumulator = chat_accumulator()
    wrong: Any = response({"text": "a"}, candidate={"groundingMetadata": {"groundingSupports": [support]}})[1]
    with pytest.raises(UpstreamError):
        accumulator.feed(wrong)
    assert accumulator.messages[0]["content"] == "a"  # the content before can be recorded
