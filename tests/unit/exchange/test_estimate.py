"""The estimate of a planned generation: text by its bytes, media by their number, output by the request's limit."""

from typing import Any

from api.exchange.generation import Generation
from api.exchange.planning.estimate import Estimate, estimate
from api.exchange.running.parallel_calls import PlannedCall

USER: Any = {"role": "user", "parts": [{"text": "x" * 400}]}


def planned(*calls: PlannedCall) -> Generation:
    """A generation of which only the calls are looked at."""
    unused: Any = None
    return Generation(accounting=unused, accumulator=unused, branches=(), calls=calls, hold=unused)


def test_g19_text_counts_a_quarter_of_its_bytes_and_a_medium_258_tokens() -> None:
    picture: Any = {"inlineData": {"mimeType": "image/png", "data": "A" * 1_000_000}}
    body: Any = {"contents": [USER, {"role": "user", "parts": [{"text": "ä" * 100}, picture]}]}

    assert estimate(planned(PlannedCall(body, 0)), 1000) == Estimate(100 + 50 + 258, 1000)


def test_g19_instructions_tools_and_calls_of_functions_count() -> None:
    tools: Any = [{"functionDeclarations": [{"name": "f" * 100}]}]
    call: Any = {"role": "model", "parts": [{"functionCall": {"name": "g" * 100}, "thoughtSignature": "s" * 4000}]}
    body: Any = {"contents": [USER, call], "systemInstruction": USER, "tools": tools}

    prompt = estimate(planned(PlannedCall(body, 0)), 1).prompt_tokens

    assert 100 + 100 + 50 < prompt < 100 + 100 + 50 + 30


def test_g19_each_choice_of_each_call_may_use_the_output_limit() -> None:
    body: Any = {"contents": [USER], "generationConfig": {"maxOutputTokens": 50}}

    calls = [PlannedCall(body, 0, choices=2), PlannedCall(body, 2, choices=1)]

    assert estimate(planned(*calls), 1000) == Estimate(200, 150, bounded=True)
