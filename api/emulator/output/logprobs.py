"""Emulated log probabilities: a few words form a token, and each token has `top_logprobs` alternatives.

See https://ai.google.dev/api/generate-content#LogprobsResult.
"""

from typing import Any

from api.emulator.usage import word_groups

_STEP = 0.5


def logprobs_for(text: str, alternatives: int) -> dict[str, Any]:
    """Return the logprobsResult of a text or of a chunk's text; the chosen token is the most likely."""
    words = word_groups(text, size=1)
    chosen = [_candidate(word, 0) for word in words]
    result: dict[str, Any] = {"chosenCandidates": chosen}
    if alternatives:
        result["topCandidates"] = [
            {"candidates": [_candidate(word + "\u2026" * place, place) for place in range(alternatives)]}
            for word in words
        ]
    return result | {"logProbabilitySum": sum(entry["logProbability"] for entry in chosen)}


def _candidate(token: str, place: int) -> dict[str, Any]:
    likelihood = -0.01 * (len(token) % 7 + 1) - _STEP * place
    return {"token": token, "tokenId": sum(token.encode()), "logProbability": round(likelihood, 4)}
