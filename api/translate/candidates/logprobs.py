"""Log probabilities: the request to Gemini, and both of OpenAI's response forms (rule 65).

Gemini's `logprobsResult` lists the chosen tokens and, for each position, the likeliest ones. In a stream each chunk has
the log probabilities of its own text. Source: https://ai.google.dev/api/generate-content#LogprobsResult.
"""

from itertools import accumulate
from typing import Any

from api.gemini.wire import GenerationConfig
from api.openai.chat.completion import Logprobs, TokenLogprob, TopLogprob
from api.openai.completions.completion import CompletionLogprobs
from api.translate.candidates.upstream_json import expect, unexpected_shape
from api.translate.request.context import RequestContext

MAX_TOP = 20


def logprobs_to_config(wanted: int | None, config: GenerationConfig, *, param: str, context: RequestContext) -> None:
    """Request log probabilities with `wanted` alternatives per token, 0 to 20; None requests nothing."""
    if wanted is None:
        return
    if not context.profile.logprobs:
        context.note("dropped", param, "not supported by this model")
        return
    config["responseLogprobs"] = True
    if wanted:
        config["logprobs"] = min(wanted, MAX_TOP)


class TokenLogprobs:
    """Accumulates the log probabilities of one choice; `top` is the number of alternatives per token."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._all: list[TokenLogprob] = []
        self._given = 0
        self._length = 0  # characters of all tokens that `fresh_legacy` has returned

    def take(self, outcome: Any) -> None:
        """Add the `logprobsResult` of one candidate. Raises UpstreamError for a wrong shape."""
        chosen = expect(expect(outcome, dict).get("chosenCandidates") or [], list)
        tops = expect(outcome.get("topCandidates") or [], list)
        for position, candidate in enumerate(chosen):
            token, logprob = _token(candidate)
            alternatives = expect(tops[position], dict).get("candidates") if position < len(tops) else None
            self._all.append(
                {
                    "token": token,
                    "logprob": logprob,
                    "bytes": _bytes(token),
                    "top_logprobs": [
                        _alternative(alternative) for alternative in expect(alternatives or [], list)[: self._top]
                    ],
                }
            )

    def whole(self) -> Logprobs | None:
        """Return all log probabilities; None if Gemini sent none."""
        return {"content": self._all, "refusal": None} if self._all else None

    def fresh(self) -> Logprobs | None:
        """Return the log probabilities added since the last call; None if there are none."""
        new = self._new()
        return {"content": new, "refusal": None} if new else None

    def whole_legacy(self, start: int) -> CompletionLogprobs | None:
        """Return all log probabilities in the legacy form; `start` is the length of the echoed prompt in characters."""
        return _legacy(self._all, start) if self._all else None

    def fresh_legacy(self, start: int) -> CompletionLogprobs | None:
        """Return the log probabilities added since the last call in the legacy form, with offsets in the whole text."""
        new = self._new()
        if not new:
            return None
        start += self._length
        self._length += sum(len(entry["token"]) for entry in new)
        return _legacy(new, start)

    def _new(self) -> list[TokenLogprob]:
        new = self._all[self._given :]
        self._given = len(self._all)
        return new


def _legacy(entries: list[TokenLogprob], start: int) -> CompletionLogprobs:
    lengths = [len(entry["token"]) for entry in entries]
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [_legacy_top(entry) for entry in entries],
        "text_offset": list(accumulate(lengths[:-1], initial=start)),
    }


def _legacy_top(entry: TokenLogprob) -> dict[str, float]:
    """Return the likeliest tokens of a position, including the chosen one."""
    return {
        **{alternative["token"]: alternative["logprob"] for alternative in entry["top_logprobs"]},
        entry["token"]: entry["logprob"],
    }


def _alternative(candidate: Any) -> TopLogprob:
    token, logprob = _token(candidate)
    return {"token": token, "logprob": logprob, "bytes": _bytes(token)}


def _token(candidate: Any) -> tuple[str, float]:
    entry = expect(candidate, dict)
    logprob = entry.get("logProbability", 0)  # proto JSON omits a zero, which means certainty
    if type(logprob) not in (int, float):
        raise unexpected_shape()
    return expect(entry.get("token") or "", str), float(logprob)


def _bytes(token: str) -> list[int]:
    return list(token.encode("utf-8", "surrogatepass"))
