"""Emulated Google Search, log probabilities and service tiers."""

from itertools import chain
from typing import Any

import pytest

from api.emulator.generation import Generation
from api.emulator.models import models
from api.emulator.rules import check_rules
from tests.unit.emulator.conftest import NEW, OLD, Gemini, candidate_text, contents

SEARCH: list[dict[str, Any]] = [{"googleSearch": {}}]


def quoted(text: str, support: dict[str, Any]) -> str:
    """Return the text at a support's byte offsets."""
    segment = support["segment"]
    return text.encode()[segment.get("startIndex", 0) : segment["endIndex"]].decode()


@pytest.mark.parametrize("model", [OLD, NEW])
def test_a_search_has_sources_with_byte_offsets(gemini: Gemini, model: str) -> None:
    answer = gemini.ask("Tell me about naïve ducks. Are they blue?", model=model, tools=SEARCH)
    grounding = answer["candidates"][0]["groundingMetadata"]
    text = candidate_text(answer)
    assert not text.isascii()
    assert len(grounding["groundingSupports"]) == len(grounding["groundingChunks"]) > 1
    for index, support in enumerate(grounding["groundingSupports"]):
        assert quoted(text, support) == support["segment"]["text"]
        assert support["groundingChunkIndices"] == [index]
    assert grounding["webSearchQueries"] == ["Tell me about naïve ducks. Are they blue?"]


def test_the_last_chunk_of_a_stream_has_the_sources(gemini: Gemini) -> None:
    *before, last = gemini.stream("Tell me about ducks.", tools=SEARCH)
    assert "groundingMetadata" not in str(before)
    text = "".join(candidate_text(chunk) for chunk in [*before, last])
    for support in last["candidates"][0]["groundingMetadata"]["groundingSupports"]:
        assert quoted(text, support) == support["segment"]["text"]


@pytest.mark.parametrize(
    "request_", [{}, {"tools": SEARCH, "generationConfig": {"responseMimeType": "application/json"}}]
)
def test_without_a_search_there_are_no_sources(gemini: Gemini, request_: dict[str, Any]) -> None:
    assert "groundingMetadata" not in gemini.ask("Hello", **request_)["candidates"][0]


def generation(**config: Any) -> Generation:
    """Return the response of a model with log probabilities; no client reaches the model since its shutdown."""
    model = models()["gemini-2.0-flash"]
    request = {"contents": contents("Count to three"), "generationConfig": config}
    return Generation(check_rules(request, model), model)


def tokens(responses: list[dict[str, Any]]) -> list[str]:
    """Return the chosen tokens of all responses."""
    results = [response["candidates"][0].get("logprobsResult", {}) for response in responses]
    return [entry["token"] for entry in chain(*(result.get("chosenCandidates", []) for result in results))]


def test_log_probabilities_are_those_of_the_text() -> None:
    made = generation(responseLogprobs=True, logprobs=2)
    response = made.response()
    assert "".join(tokens([response])) == candidate_text(response)
    assert tokens(list(made.chunks())) == tokens([response])
    result = response["candidates"][0]["logprobsResult"]
    for chosen, top in zip(result["chosenCandidates"], result["topCandidates"], strict=True):
        assert len(top["candidates"]) == 2
        assert chosen == top["candidates"][0]
        assert chosen["logProbability"] > top["candidates"][1]["logProbability"]


def test_log_probabilities_are_sent_only_on_request(gemini: Gemini) -> None:
    assert "logprobsResult" not in generation().response()["candidates"][0]
    message = gemini.error_message({"contents": contents("Hi"), "generationConfig": {"responseLogprobs": True}})
    assert "Logprobs is not enabled" in message


@pytest.mark.parametrize("tier", ["standard", "flex", "priority"])
def test_the_tier_is_echoed(gemini: Gemini, tier: str) -> None:
    assert gemini.ask("Hello", serviceTier=tier)["usageMetadata"]["serviceTier"] == tier
