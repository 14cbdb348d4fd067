"""Translation for the request tests: profiles of three kinds of models, and validation by the emulator's rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from api.emulator.models import models
from api.emulator.rules import check_rules
from api.emulator.validation import check
from api.gemini.wire import Blob, Content
from api.openai.chat.request import parse_chat_completion
from api.translate.chat.request import HistoryMessage, UpstreamCall, chat_to_gemini
from sessions_store.catalogue.model_profile import ModelProfile
from tests.exchanges import user_message

ROOT = Path(__file__).resolve().parents[3]

FLASH_2 = ModelProfile(
    name="gemini-2.5-flash",
    family="gemini-2.5",
    max_candidates=8,
    thinking="budget",
    thinking_budget_max=24576,
    thinking_can_disable=True,
)
PRO_2 = replace(
    FLASH_2, name="gemini-2.5-pro", thinking_budget_min=128, thinking_budget_max=32768, thinking_can_disable=False
)
FLASH_3 = ModelProfile(
    name="gemini-3.8-flash",
    family="gemini-3",
    sampling="ignored",
    thinking="level",
    thinking_levels=("low", "medium", "high"),
    thinking_default="medium",
    signatures=True,
    function_call_ids=True,
    tools_with_json=True,
    tools_with_builtin=True,
    validated_mode=True,
    media_resolution_per_part=True,
    function_response_parts=True,
)
PAINTER = ModelProfile(
    name="gemini-2.5-flash-image", family="gemini-2.5", functions=False, output_modalities=("TEXT", "IMAGE")
)
SPEAKER = ModelProfile(
    name="gemini-3.8-flash-tts",
    family="gemini-3",
    functions=False,
    output_token_limit=16384,
    output_modalities=("AUDIO",),
)
PLAIN = ModelProfile(name="gemma-4-31b-it", functions=False, json_schema=False)
PROFILES = {profile.name: profile for profile in (FLASH_2, PRO_2, FLASH_3, PAINTER, SPEAKER, PLAIN)}

PIXEL = "iVBORw0KGgo="
# Long enough for a strict Gemini to accept them as foreign signatures.
SIGNATURE, OTHER_SIGNATURE = "c2lnbmF0dXJl" * 4, "b3RoZXItc2ln" * 4
DATA_URL = f"data:image/png;base64,{PIXEL}"

WEATHER_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def assistant(content: Any = None, **fields: Any) -> dict[str, Any]:
    """Return an assistant message."""
    return {"role": "assistant", "content": content, **fields}


def call(call_id: str, name: str = "get_weather", arguments: str = '{"city":"Paris"}', **fields: Any) -> dict[str, Any]:
    """Return a tool call."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **fields}


def result(call_id: str, content: Any = "21 degrees") -> dict[str, Any]:
    """Return a tool message."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def translate(
    *messages: Mapping[str, Any],
    profile: ModelProfile = FLASH_2,
    history: Sequence[HistoryMessage] = (),
    restored: Mapping[int, Content] | None = None,
    fetched: Mapping[str, Blob] | None = None,
    **parameters: Any,
) -> UpstreamCall:
    """Return the translation of a parsed chat request; the emulator's rules validate the body."""
    request = parse_chat_completion(
        orjson.dumps({"model": "gpt-4o", "messages": list(messages) or [user_message()], **parameters})
    )
    upstream = chat_to_gemini(request, profile=profile, history=history, restored=restored or {}, fetched=fetched or {})
    judge(upstream, profile)
    return upstream


def check_schema(upstream: UpstreamCall) -> None:
    """Raise GoogleError for a field or a value that is not in Gemini's published schema."""
    check(orjson.loads(orjson.dumps(upstream.body)), "GenerateContentRequest")


def judge(upstream: UpstreamCall, profile: ModelProfile) -> None:
    """Raise GoogleError if a strict Gemini rejects the body; foreign signatures are accepted."""
    body = orjson.loads(orjson.dumps(upstream.body))
    check_rules(check(body, "GenerateContentRequest"), models()[profile.name], foreign_signatures=True)
    assert len(upstream.placement) >= len(upstream.gemini_contents)


def contents(*messages: Mapping[str, Any], **options: Any) -> list[Content]:
    """Return the contents of a translated conversation."""
    return translate(*messages, **options).body["contents"]


def config(**parameters: Any) -> Mapping[str, Any]:
    """Return the generation config of a request with one message; empty without one."""
    return translate(**parameters).body.get("generationConfig", {})


def noted(upstream: UpstreamCall) -> list[tuple[str, str]]:
    """Return kind and parameter of each note."""
    return [(note.kind, note.param) for note in upstream.notes]
