"""Log probabilities as the emulator plays them: a few words are a token, and each has some rivals.

See https://ai.google.dev/api/generate-content#LogprobsResult.
"""

from typing import Any

from api.emulator.usage import word_groups

_STEP = 0.5


def logprobs_for(text: str, rivals: int) -> dict[str, Any]:
    """The logprobsResult of a text, or of a chunk's piece of one; the chosen token is the likeliest."""
    words = word_groups(text, size=1)
    chosen = [_candidate(word, 0) for word in words]
    result: dict[str, Any] = {"chosenCandidates": chosen}
    if rivals:
        result["topCandidates"] = [
            {"candidates": [_candidate(word + "\u2026" * place, place) for place in range(rivals)]} for word in words
        ]
    return result | {"logProbabilitySum": sum(entry["logProbability"] for entry in chosen)}


def _candidate(token: str, place: int) -> dict[str, Any]:
    likelihood = -0.01 * (len(token) % 7 + 1) - _STEP * place
    return {"token": token, "tokenId": sum(token.encode()), "logProbability": round(likelihood, 4)}
