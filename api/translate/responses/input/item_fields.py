"""Notes for ignored fields of items and of their parts (docs/decisions/0006).

Known fields of OpenAI's types that the translation ignores (ids, status, annotations, image settings) recur in every
history and request nothing: they get no notes. An item of a tool that runs at OpenAI gets one note.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from api.notes import Note
from api.openai.responses.items import item_type
from api.openai.shared.validation import printable_name
from api.translate.request.unknown_fields import unknown_reason

Item = Mapping[str, Any]

# The fields of a call in which clients of other servers send a signature; `signatures` reads all of them.
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
# The field that holds an item's parts.
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
    """Yield a note for every ignored field of the items and their parts; a null counts as absent.

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
        # `auto` is OpenAI's default and requests nothing.
        if name not in known and value is not None and (name, value) != ("detail", "auto"):
            yield Note("dropped", f"{path}.{printable_name(name)}", _REASONS.get(name) or unknown_reason(name))
