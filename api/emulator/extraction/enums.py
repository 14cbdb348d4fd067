"""Chooses one of the values that a schema lists by what a text says."""

import re
from typing import Any

from api.emulator.extraction.reading import KIN, keywords, stem

_NEGATIONS = ("not", "no", "non")


def chosen(values: list[Any], *texts: str) -> Any:
    """The value that the first of the texts speaks of, else the next one; None if none does.

    A value is spoken of by itself, the longest first where several open together, or by a word for it ("great" for
    "positive"). Of `spam` and `not_spam` the second is meant where nothing speaks of the first.
    """
    for text in texts:
        said = text.lower()
        placed = [(place, -len(str(value)), value) for value in values if (place := _place(str(value), said)) >= 0]
        if placed:
            return min(placed, key=lambda entry: entry[:2])[2]
        words = set(re.findall(r"[^\W_]+|\u00b0c", said))
        kin = [(len(_kin(str(value)) & words), value) for value in values]
        best = max(kin, key=lambda entry: entry[0])
        if best[0]:
            return best[1]
    return _opposite(values)


def _place(value: str, said: str) -> int:
    places = (
        match.start()
        for form in {value.lower(), value.lower().replace("_", " ")}
        if (match := re.search(rf"(?<!\w){re.escape(form)}(?!\w)", said))
    )
    return min(places, default=-1)


def _kin(value: str) -> frozenset[str]:
    if _positive(value) is not None:
        return frozenset()
    stems = keywords(value)
    return frozenset(word for meaning, words in KIN.items() if stem(meaning) in stems for word in words)


def _positive(value: str) -> str | None:
    """The value that a negated one denies; None if it denies none."""
    negation, _, rest = value.lower().replace(" ", "_").replace("-", "_").partition("_")
    return rest if rest and negation in _NEGATIONS else None


def _opposite(values: list[Any]) -> Any:
    known = {str(value).lower() for value in values}
    return next((value for value in values if _positive(str(value)) in known), None)


def spoken_of(values: list[Any], text: str) -> list[Any]:
    """All values that stand in a text, in the order of the schema."""
    said = text.lower()
    return [value for value in values if _place(str(value), said) >= 0]
