"""Fields of items and of their parts that are not read and do not go without saying (docs/decisions/0006).

What OpenAI's own types hold beside what the translation reads (ids, status, annotations, how an image was made) comes
back with every history and asks for nothing: no notes of that. Items of tools that run at OpenAI are noted as a whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from api.notes import Note
from api.openai.responses.items import item_type
from api.openai.shared.validation import printable_name
from api.translate.request.unknown_fields import unknown_reason

Item = Mapping[str, Any]

# Where other servers' clients carry a signature on a call; the shared leaves read them all.
CARRIERS: Final = ("extra_content", "provider_specific_fields", "thought_signature", "thoughtSignature")

_ANY = frozenset({"type", "id", "status", "created_by"})
_CALL = _ANY | {"call_id", "name", "namespace", "caller", "async", *CARRIERS}
_RESULT = _ANY | {"call_id", "name", "namespace", "caller", "output"}
_ITEMS: Final[Mapping[str, frozenset[str]]] = {
    "message": _ANY | {"role", "content", "phase"},
    "function_call": _CALL | {"arguments", "parsed_arguments"},
    "function_call_output": _RESULT,
    "custom_tool_call": _CALL | {"input"},
    "custom_tool_call_output": _RESULT,
    "reasoning": _ANY | {"summary", "content", "encrypted_content"},
    "compaction": _ANY | {"encrypted_content"},
    "additional_tools": _ANY | {"role", "tools"},
    "configuration_update": _ANY | {"reasoning", "text"},
    "tool_search_call": _ANY | {"call_id", "execution", "arguments"},
    "tool_search_output": _ANY | {"call_id", "execution", "tools"},
    "image_generation_call": _ANY
    | {"result", "output_format", "revised_prompt", "action", "background", "error", "quality", "size", "svg_usage"},
}
# Where an item's parts stand.
_HOLDERS: Final[Mapping[str, str]] = {
    "message": "content",
    "function_call_output": "output",
    "custom_tool_call_output": "output",
    "reasoning": "summary",
}
_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "input_text": frozenset({"type", "text"}),
    "output_text": frozenset({"type", "text", "annotations", "logprobs", "parsed"}),
    "text": frozenset({"type", "text"}),
    "summary_text": frozenset({"type", "text"}),
    "refusal": frozenset({"type", "refusal"}),
    "input_image": frozenset({"type", "image_url", "file_id", "detail"}),
    "input_file": frozenset({"type", "file_data", "file_url", "file_id", "filename"}),
    "input_audio": frozenset({"type", "input_audio"}),
}
_REASONS: Final[Mapping[str, str]] = {
    "prompt_cache_breakpoint": "Gemini caches prompts automatically",
    "detail": "only images have a detail",
}


def unread_fields(items: Sequence[Item]) -> Iterator[Note]:
    """Yield a note for every field of the items and their parts that is not read; a null is absent.

    [{"role": "user", "content": [{"type": "input_text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}]
    dropped input[0].content[0].cache_control: Gemini caches prompts automatically
    """
    for index, item in enumerate(items):
        kind = item.get("type") or item_type(dict(item)) or ""
        known = _ITEMS.get(kind)
        if known is None:
            continue
        if not known.issuperset(item):
            yield from _unread(item, known, f"input[{index}]")
        holder = _HOLDERS.get(kind)
        parts = item.get(holder) if holder else None
        for place, part in enumerate(parts if isinstance(parts, list) else ()):
            known = _PARTS[part["type"]]
            if not known.issuperset(part):
                yield from _unread(part, known, f"input[{index}].{holder}[{place}]")


def _unread(fields: Item, known: frozenset[str], path: str) -> Iterator[Note]:
    for name, value in fields.items():
        # An answer that leaves the detail to the server asks for nothing.
        if name not in known and value is not None and (name, value) != ("detail", "auto"):
            yield Note("dropped", f"{path}.{printable_name(name)}", _REASONS.get(name) or unknown_reason(name))
