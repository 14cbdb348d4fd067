"""The ids of calls and results, a field that models before Gemini 3 reject."""

from collections.abc import Mapping
from typing import Any, cast

from api.gemini.wire import Content, FunctionCall, FunctionResponse, Part


def without_ids(content: Content) -> Content:
    """Return the content without the ids of calls and results, for models that reject the field."""
    parts = content["parts"]
    if not any("id" in (part.get("functionCall") or part.get("functionResponse") or {}) for part in parts):
        return content
    return cast("Content", {**content, "parts": [_part_without_id(part) for part in parts]})


def _part_without_id(part: Part) -> Part:
    if "functionCall" in part:
        return cast("Part", {**part, "functionCall": cast("FunctionCall", _no_id(part["functionCall"]))})
    if "functionResponse" in part:
        return cast("Part", {**part, "functionResponse": cast("FunctionResponse", _no_id(part["functionResponse"]))})
    return part


def _no_id(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != "id"}
