"""Thoughts, usage, stop sequences and the limit of tokens, streamed and not."""

from typing import Any

import pytest

from tests.unit.emulator.conftest import NEW, OLD, Gemini, candidate_text, parts_of

SHOWN = {"thinkingConfig": {"includeThoughts": True}}


def test_usage_adds_up_and_counts_thoughts_apart(gemini: Gemini) -> None:
    usage = gemini.ask("Tell me a story", generationConfig={"thinkingConfig": {"thinkingLevel": "HIGH"}})[
        "usageMetadata"
    ]
    assert usage["promptTokenCount"] == 4
    assert usage["thoughtsTokenCount"] == 64
    assert usage["totalTokenCount"] == 4 + 64 + usage["candidatesTokenCount"]
    assert usage["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": 4}]


@pytest.mark.parametrize(
    ("model", "config", "thinks"),
    [
        (NEW, {}, True),
        (NEW, {"thinkingConfig": {"thinkingLevel": "LOW"}}, True),
        (OLD, {}, True),
        (OLD, {"thinkingConfig": {"thinkingBudget": 0}}, False),
        ("gemini-2.5-flash-lite", {}, False),
        ("gemini-3.5-flash-lite", {}, False),
        ("gemma-4-31b-it", {}, False),
    ],
)
def test_only_thinking_models_think(gemini: Gemini, model: str, config: Any, thinks: bool) -> None:
    usage = gemini.ask("Hello", model=model, generationConfig=config)["usageMetadata"]
    assert ("thoughtsTokenCount" in usage) == thinks


def test_thoughts_are_sent_on_request(gemini: Gemini) -> None:
    first, *rest = parts_of(gemini.ask("Hello", generationConfig=SHOWN))
    assert first["thought"] is True
    assert "Hello" in first["text"]
    assert not any(part.get("thought") for part in rest)
    chunks = gemini.stream("Hello", generationConfig=SHOWN)
    assert parts_of(chunks[0])[0]["thought"] is True
    assert not any("thought" in part for part in parts_of(gemini.ask("Hello")))


def test_the_limit_of_tokens_cuts_the_text(gemini: Gemini) -> None:
    answer = gemini.ask("Tell me a story", generationConfig={"maxOutputTokens": 10})
    usage = answer["usageMetadata"]
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert usage["thoughtsTokenCount"] + usage["candidatesTokenCount"] == 10
    assert candidate_text(answer) == "[Gemini emulator] He"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_limit_used_up_by_thoughts_leaves_no_text(gemini: Gemini, streamed: bool) -> None:
    config = {"maxOutputTokens": 1}
    last = (
        gemini.stream("Hello", generationConfig=config)[-1]
        if streamed
        else gemini.ask("Hello", generationConfig=config)
    )
    assert last["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert candidate_text(last) == ""
    assert last["usageMetadata"]["thoughtsTokenCount"] == 1


def test_a_stop_sequence_ends_the_text_before_it(gemini: Gemini) -> None:
    answer = gemini.ask("Count to five", generationConfig={"stopSequences": ["9", "4"]})
    assert candidate_text(answer) == "[Gemini emulator] 1, 2, 3, "
    assert answer["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("model", [NEW, OLD, "gemma-4-31b-it"])
@pytest.mark.parametrize("prompt", ["Tell me a story", "Count to 50", "Hello", "Say  two  spaces\n\nand lines"])
def test_a_stream_is_the_plain_response_in_chunks(gemini: Gemini, model: str, prompt: str) -> None:
    plain, chunks = gemini.ask(prompt, model=model), gemini.stream(prompt, model=model)
    assert len(chunks) > 1
    assert "".join(candidate_text(chunk) for chunk in chunks) == candidate_text(plain)
    assert [("finishReason" in chunk["candidates"][0]) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert len({chunk["responseId"] for chunk in chunks}) == 1
    counts = [chunk["usageMetadata"].get("candidatesTokenCount", 0) for chunk in chunks]
    assert counts == sorted(counts)
    assert chunks[-1]["usageMetadata"] == plain["usageMetadata"]


def test_without_sse_a_stream_is_one_json_array(gemini: Gemini) -> None:
    response = gemini.post(NEW, {"contents": [{"parts": [{"text": "Tell me a story"}]}]}, "streamGenerateContent")
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()[-1]["candidates"][0]["finishReason"] == "STOP"


def test_several_candidates_are_streamed_with_their_index(gemini: Gemini) -> None:
    chunks = gemini.stream("Hello", model=OLD, generationConfig={"candidateCount": 2})
    ends = [chunk["candidates"][0]["index"] for chunk in chunks if "finishReason" in chunk["candidates"][0]]
    assert ends == [0, 1]
