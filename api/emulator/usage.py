"""Emulated token counts: four bytes of text are one token, media have fixed counts, thoughts follow the budget."""

import re
from typing import Any

import orjson

from api.emulator.models import Model

BYTES_PER_TOKEN = 4
MEDIA_TOKENS = {"IMAGE": 258, "AUDIO": 320, "VIDEO": 2_630, "DOCUMENT": 258}
LEVEL_TOKENS = {"MINIMAL": 0, "LOW": 16, "MEDIUM": 32, "HIGH": 64, "XHIGH": 128}
DYNAMIC_TOKENS = 48
_RUNS = re.compile(r"\s+|\S+")


def tokens(text: str) -> int:
    """The tokens of a text: its UTF-8 bytes by four, rounded up."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def cut(text: str, count: int) -> str:
    """The longest beginning of `text` that is not more than `count` tokens."""
    return text.encode()[: max(count, 0) * BYTES_PER_TOKEN].decode(errors="ignore")


def modality(mime_type: str) -> str:
    """The modality under which a MIME type is counted."""
    family = mime_type.split("/", 1)[0].upper()
    return family if family in {"IMAGE", "AUDIO", "VIDEO"} else "DOCUMENT"


def _content_tokens(content: dict[str, Any], details: dict[str, int]) -> None:
    for part in content.get("parts", []):
        blob = part.get("inlineData") or part.get("fileData")
        if blob is not None:
            kind = modality(blob.get("mimeType", ""))
            details[kind] = details.get(kind, 0) + MEDIA_TOKENS[kind]
        elif "text" in part:
            details["TEXT"] += tokens(part["text"])
        else:
            rest = {key: value for key, value in part.items() if key not in {"thoughtSignature", "thought"}}
            details["TEXT"] += tokens(orjson.dumps(rest).decode())


def prompt_details(request: dict[str, Any]) -> dict[str, int]:
    """The tokens of a GenerateContentRequest's prompt (contents, system instruction, tools) by modality."""
    details = {"TEXT": 0}
    for content in [*request.get("contents", []), request.get("systemInstruction") or {}]:
        _content_tokens(content, details)
    if request.get("tools"):
        details["TEXT"] += tokens(orjson.dumps(request["tools"]).decode())
    return {kind: count for kind, count in details.items() if count or kind == "TEXT"}


def listed(details: dict[str, int]) -> list[dict[str, Any]]:
    """Counts by modality in the form of Google's `...TokensDetails`."""
    return [{"modality": kind, "tokenCount": count} for kind, count in details.items()]


def planned_thoughts(config: dict[str, Any], model: Model) -> int:
    """Return the number of thought tokens by level or budget, before the output limit."""
    thinking = config.get("thinkingConfig", {})
    budget = thinking.get("thinkingBudget", int(model.thinking_default) if model.thinking == "budget" else None)
    if model.thinking == "none" or budget == 0:
        return 0
    if budget is not None:
        return DYNAMIC_TOKENS if budget < 0 else min(budget, DYNAMIC_TOKENS)
    level = thinking.get("thinkingLevel", "THINKING_LEVEL_UNSPECIFIED")
    return LEVEL_TOKENS[model.thinking_default.upper() if level == "THINKING_LEVEL_UNSPECIFIED" else level]


def usage_metadata(prompt: dict[str, int], *, candidates: int, thoughts: int, tier: str) -> dict[str, Any]:
    """Return the usageMetadata of a response, or of a chunk with the counts so far."""
    prompt_count = sum(prompt.values())
    usage: dict[str, Any] = {"promptTokenCount": prompt_count}
    if candidates:
        usage["candidatesTokenCount"] = candidates
    usage["totalTokenCount"] = prompt_count + candidates + thoughts
    usage["promptTokensDetails"] = listed(prompt)
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    usage["serviceTier"] = tier
    return usage


def word_groups(text: str, size: int = 3) -> list[str]:
    """Return a text in chunks of a few words; joined they are the text again."""
    words: list[str] = []
    blank = ""
    for run in _RUNS.findall(text):
        if run.isspace():
            blank = run
        else:
            words.append(blank + run)
            blank = ""
    if blank:
        words[-1:] = ["".join(words[-1:]) + blank]
    return ["".join(words[start : start + size]) for start in range(0, len(words), size)]
