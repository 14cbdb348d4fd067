"""Choice of an enum value by a text."""

import re
from typing import Any

from api.emulator.extraction.reading import KIN, keywords, stem

_NEGATIONS = ("not", "no", "non")


def chosen(values: list[Any], *texts: str) -> Any:
    """Return the value that the first matching text mentions; None without a match.

    A text mentions a value by its name, the longest first among common prefixes, or by a synonym ("great" for
    "positive"). Of `spam` and `not_spam`, the negated one is chosen if no text mentions the other.
    """
    for text in texts:
        lowered = text.lower()
        placed = [(place, -len(str(value)), value) for value in values if (place := _place(str(value), lowered)) >= 0]
        if placed:
            return min(placed, key=lambda entry: entry[:2])[2]
        words = set(re.findall(r"[^\W_]+|\u00b0c", lowered))
        kin = [(len(_kin(str(value)) & words), value) for value in values]
        best = max(kin, key=lambda entry: entry[0])
        if best[0]:
            return best[1]
    return _opposite(values)


def _place(value: str, lowered: str) -> int:
    places = (
        match.start()
        for form in {value.lower(), value.lower().replace("_", " ")}
        if (match := re.search(rf"(?<!\w){re.escape(form)}(?!\w)", lowered))
    )
    return min(places, default=-1)


def _kin(value: str) -> frozenset[str]:
    if _positive(value) is not None:
        return frozenset()
    stems = keywords(value)
    return frozenset(word for meaning, words in KIN.items() if stem(meaning) in stems for word in words)


def _positive(value: str) -> str | None:
    """Return the value without its negation ("spam" of "not_spam"); None without a negation."""
    negation, _, rest = value.lower().replace(" ", "_").replace("-", "_").partition("_")
    return rest if rest and negation in _NEGATIONS else None


def _opposite(values: list[Any]) -> Any:
    known = {str(value).lower() for value in values}
    return next((value for value in values if _positive(str(value)) in known), None)


def mentioned(values: list[Any], text: str) -> list[Any]:
    """Return all values that occur in a text, in the order of the schema."""
    lowered = text.lower()
    return [value for value in values if _place(str(value), lowered) >= 0]
