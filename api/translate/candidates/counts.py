"""Reads the token counts of Gemini's `usageMetadata` in any form, so that billed tokens are recorded.

A count is an int32 (https://ai.google.dev/api/generate-content#UsageMetadata). A larger count is clamped, a number in
another form is parsed if possible, and any other value counts as missing. None of these counts is sound.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from api.translate.candidates.upstream_json import label

MOST: Final = 2**31 - 1
_COUNT: Final = "TokenCount"
_DETAILS: Final = "TokensDetails"
_MOST_DETAILS: Final = 40
_LONGEST_TEXT: Final = 200
_LONGEST_NAME: Final = 40
_SIMPLE: Final = (int, float, bool)


def count(counts: Mapping[str, Any], name: str) -> int:
    """Return a count; 0 if the count is missing or unreadable."""
    value = counts.get(name)
    return value if type(value) is int and 0 <= value <= MOST else _read(value) or 0


def is_sound(metadata: Mapping[str, Any]) -> bool:
    """Tell whether all counts of a `usageMetadata` have the form of Google's API; a missing count means 0 there."""
    return all(_is_sound(name, value) for name, value in metadata.items())


def storable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `usageMetadata` in a form that every database stores.

    Counts are normalised as in `count`, lists of details are limited to 40 entries, texts are cut to 200 characters
    without NUL. Unreadable counts and other objects are left out.
    """
    kept: dict[str, Any] = {}
    for name, value in metadata.items():
        if type(value) is int and 0 <= value <= MOST and len(name) < _LONGEST_NAME:  # the usual case
            kept[name] = value
        elif name.endswith(_COUNT):
            if (read := _read(value)) is not None:
                kept[name] = read
        elif isinstance(value, list):
            details = [_detail(item) for item in value[:_MOST_DETAILS] if isinstance(item, dict)]
            kept[_text(name)] = [detail for detail in details if detail]
        elif isinstance(value, str):
            kept[_text(name)] = _text(value)
        elif isinstance(value, _SIMPLE):
            kept[_text(name)] = value
    return kept


def _detail(item: Mapping[str, Any]) -> dict[str, Any]:
    modality, tokens = item.get("modality"), item.get("tokenCount")
    if type(tokens) is not int or not 0 <= tokens <= MOST:
        tokens = _read(tokens)
    named = {"modality": _text(modality)} if isinstance(modality, str) else {}
    return named if tokens is None else {**named, "tokenCount": tokens}


def _text(text: str) -> str:
    return label(text, _LONGEST_TEXT)


def _is_sound(name: str, value: Any) -> bool:
    if name.endswith(_COUNT):
        return value is None or (type(value) is int and 0 <= value <= MOST)
    if not name.endswith(_DETAILS) or value is None:
        return True
    return isinstance(value, list) and all(
        isinstance(item, dict) and _is_sound(_COUNT, item.get("tokenCount")) for item in value
    )


def _read(value: Any) -> int | None:
    """Parse a number as a count, else None. JSON has int64 as text; orjson reads larger integers as floats."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit()):
            return None
        value = MOST if len(value.lstrip("0")) > len(str(MOST)) else int(value.lstrip("0") or "0")
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return min(round(value), MOST)
