"""One candidate of a response: parts, token counts and finish reason, within the request's limits."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.emulator.conversation import Conversation, Part
from api.emulator.models import Model
from api.emulator.output.calls import calls_for
from api.emulator.output.grounding import OPENING, searches
from api.emulator.output.json_values import enum_for, json_for
from api.emulator.output.media import IMAGE_TOKENS, generates_image, generates_speech, picture, speech, speech_tokens
from api.emulator.output.text import text_for
from api.emulator.output.thoughts import thoughts_for
from api.emulator.usage import cut, planned_thoughts, tokens

CALLED = "Model generated function call(s)."
ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A finished candidate. `thought` is the thought summary ("" without one); the output is either `calls` or `text`.

    `media` are the parts after the text: an image, or speech in place of the text. `tokens` includes `media_tokens`.
    """

    index: int
    thought: str
    calls: list[dict[str, Any]]
    text: str
    finish_reason: str
    thoughts: int
    tokens: int
    seed: str
    media: list[Part] = field(default_factory=list)
    media_tokens: dict[str, int] = field(default_factory=dict)


def candidates_for(conversation: Conversation, model: Model) -> list[Candidate]:
    """Return the requested number of candidates."""
    if generates_speech(conversation):
        return [_speech_candidate(conversation)]
    digest = hashlib.blake2b(orjson.dumps(conversation.request), digest_size=12).hexdigest()
    count = conversation.config.get("candidateCount", 1)
    return [_candidate(conversation, model, index, f"{digest}/{index}") for index in range(count)]


def _candidate(conversation: Conversation, model: Model, index: int, seed: str) -> Candidate:
    config = conversation.config
    limit = config.get("maxOutputTokens", model.output_token_limit)
    thoughts = planned_thoughts(config, model)
    # Thoughts count against the limit. Half of it is reserved for the output, but nothing of a limit of one token.
    thoughts = min(thoughts, max(1, limit // 2))
    shows = thoughts and config.get("thinkingConfig", {}).get("includeThoughts")
    thought = thoughts_for(conversation) if shows else ""
    calls = [] if _lacks_call_id(conversation, model) else calls_for(conversation)
    if calls:
        calls = [_with_id(call, seed, number) if model.function_call_ids else call for number, call in enumerate(calls)]
        cost = sum(tokens(orjson.dumps(call).decode()) for call in calls)
        reason = "STOP"
        if cost > limit - thoughts:
            calls, cost, reason = [], max(limit - thoughts, 0), "MAX_TOKENS"
        text = ""
    else:
        text, reason = _limited(_output_text(conversation, model, index), config, limit - thoughts)
        cost = tokens(text)
    shown = not calls and reason == "STOP" and generates_image(conversation, model)
    return Candidate(
        media=[picture(conversation, index)] if shown else [],
        media_tokens={"IMAGE": IMAGE_TOKENS} if shown else {},
        index=index,
        thought=thought,
        calls=calls,
        text=text,
        finish_reason=reason,
        thoughts=thoughts,
        tokens=cost + (IMAGE_TOKENS if shown else 0),
        seed=seed,
    )


def _speech_candidate(conversation: Conversation) -> Candidate:
    """Return the only candidate of a speech: no text, no thoughts."""
    parts = speech(conversation)
    cost = speech_tokens(parts)
    return Candidate(
        index=0,
        thought="",
        calls=[],
        text="",
        finish_reason="STOP",
        thoughts=0,
        tokens=cost,
        seed=hashlib.blake2b(orjson.dumps(conversation.request), digest_size=12).hexdigest(),
        media=parts,
        media_tokens={"AUDIO": cost},
    )


def _output_text(conversation: Conversation, model: Model, index: int) -> str:
    if _lacks_call_id(conversation, model):
        return ""
    if conversation.mime_type == "application/json":
        return json_for(conversation)
    if conversation.mime_type == "text/x.enum":
        return enum_for(conversation)
    text = text_for(conversation, variant=index)
    return OPENING + text if searches(conversation) else text


def _lacks_call_id(conversation: Conversation, model: Model) -> bool:
    """Whether a result has no matching call id: models with call ids then return nothing, with STOP.

    If the model requires `result_ids`, a result without an id does not match either.
    """
    if not model.function_call_ids or not conversation.results:
        return False
    calls = conversation.messages[-2].calls
    return not all(any(_is_result_of(result, call, model) for call in calls) for result in conversation.results)


def _is_result_of(result: dict[str, Any], call: dict[str, Any], model: Model) -> bool:
    if call["name"] != result["name"] or "id" not in call:
        return bool(call["name"] == result["name"])
    return bool(result.get("id") == call["id"]) or ("id" not in result and not model.result_ids)


def _limited(text: str, config: dict[str, Any], left: int) -> tuple[str, str]:
    """Return the text up to its first stop sequence and within `left` tokens, and the finish reason."""
    ends = [text.find(stop) for stop in config.get("stopSequences", []) if stop in text]
    text = text[: min(ends)] if ends else text
    if tokens(text) > left:
        return cut(text, left), "MAX_TOKENS"
    return text, "STOP"


def _with_id(call: dict[str, Any], seed: str, number: int) -> dict[str, Any]:
    """Return the call with a short id like Google's, unique in the conversation."""
    digest = hashlib.blake2b(f"{seed}/{number}".encode(), digest_size=8).digest()
    return {"id": "".join(ID_ALPHABET[byte % len(ID_ALPHABET)] for byte in digest), **call}
