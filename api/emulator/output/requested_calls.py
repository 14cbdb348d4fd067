"""Recognition of the functions that a text requests.

A clause requests a function if it shares words with the function's name, or enough words with its description; the
following clauses extend the request. A further object of the same action ("... in Paris or London") is a further call.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from api.emulator.extraction.arithmetic import sums
from api.emulator.extraction.declarations import Declaration, is_named, properties_of, required_of, score, searches
from api.emulator.extraction.filling import kind_of
from api.emulator.extraction.patterns import EMAIL, LOWER_PLACE, is_bare
from api.emulator.extraction.places import capital_questions, is_region
from api.emulator.extraction.reading import keywords, meanings, names, quoted
from api.emulator.extraction.supply import COORDINATES, NEAR, PLACES, field_of

_PARTS = re.compile(r"(?<=[.!?;])\s+|\n+|,\s*(?:(?:and|or)\s+)?|\s+(?:and(?:\s+also)?|or|vs\.?|versus)\s+", re.I)
_REGION = re.compile(r"\s*((?:[^\W\d_]+)(?: [A-Z][^\W\d_]+)*)")
_LAST_NAME = re.compile(r"([^\W\d_]+(?: [A-Z][^\W\d_]+)*)\Z")
_ASKS = re.compile(r"(?:who|what|when|where|why|how|which)\b", re.I)
MAX_CLAUSES = 100
# Words of a clause that contains a sum.
MATHS = keywords("calculate calculator calculation compute evaluate expression math maths mathematics arithmetic")


@dataclass(slots=True, kw_only=True)
class RequestedCall:
    """A call to make: the function, and the clauses of the prompt that request it."""

    declaration: Declaration
    clauses: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words as one text."""
        return " and ".join(clause.strip() for clause in self.clauses).rstrip(" .!?")


def requested_calls_in(text: str, offered: list[Declaration]) -> list[RequestedCall]:
    """Return the parallel calls of a text: each clause requests a function, or extends the previous call."""
    wanted_calls: list[RequestedCall] = []
    opening: list[str] = []
    search_function = next((entry for entry in offered if searches(entry)), None)
    for clause in islice(clauses_of(text), MAX_CLAUSES):
        words = meanings(clause) | (MATHS if sums(clause) else set())
        best = max(offered, key=lambda entry: score(words, entry))
        named = [entry for entry in offered if is_named(entry, clause)] or ([best] if score(words, best) else [])
        if named and not _continues(wanted_calls, named[0], clause):
            wanted_calls.extend(RequestedCall(declaration=entry, clauses=[*opening, clause]) for entry in named)
            opening = []
        elif not wanted_calls:
            opening.append(clause)
        elif search_function and _ASKS.match(clause) and not capital_questions(clause):
            wanted_calls.append(RequestedCall(declaration=search_function, clauses=[clause]))
        elif _is_another(wanted_calls[-1], clause):
            wanted_calls.append(RequestedCall(declaration=wanted_calls[-1].declaration, clauses=[clause]))
        else:
            wanted_calls[-1].clauses.append(clause)
    return wanted_calls


def clauses_of(text: str) -> Iterator[str]:
    """The clauses of a text. A town and its region ("San Francisco, CA") are not parted."""
    start = 0
    for match in _PARTS.finditer(text):
        if match[0].strip() == "," and _parts_place(text, match):
            continue
        if clause := text[start : match.start()].strip():
            yield clause
        start = match.end()
    if clause := text[start:].strip():
        yield clause


def _parts_place(text: str, comma: re.Match[str]) -> bool:
    region = _REGION.match(text, comma.end())
    town = _LAST_NAME.search(text, max(0, comma.start() - 40), comma.start())
    return bool(region and is_region(region[1]) and town and not is_region(town[1]))


def _continues(wanted_calls: list[RequestedCall], declaration: Declaration, clause: str) -> bool:
    """Whether a clause only extends the call before it: same function, no new object."""
    return (
        bool(wanted_calls) and wanted_calls[-1].declaration is declaration and not _is_another(wanted_calls[-1], clause)
    )


def _is_another(requested: RequestedCall, clause: str) -> bool:
    """Whether a clause names a further object for the same action: "... in Paris", "London".

    True if the function takes one text argument, the call has its own value, and the clause has another one.
    """
    properties = properties_of(requested.declaration)
    required = required_of(requested.declaration) or list(properties)[:1]
    texts = [
        name
        for name in required
        if name in properties and kind_of(properties[name]) == "string" and not properties[name].get("enum")
    ]
    if any(kind_of(entry) == "array" for entry in properties.values()):
        return False
    if EMAIL.search(clause) and EMAIL.search(requested.clauses[0]) and "to" in texts:
        return True
    if not texts and COORDINATES & set(required):
        return _has_thing(clause, place=True)
    if len(texts) != 1:
        return False
    place = bool(field_of(texts[0], properties[texts[0]], set()).about & PLACES)
    if _has_thing(clause, place=place) and _has_thing(" ".join(requested.clauses), place=place):
        return True
    bare = is_bare(clause.strip(" .,!?;").removeprefix("in ").partition(" in ")[0])
    return place and bare and any(LOWER_PLACE.search(entry) for entry in requested.clauses)


def _has_thing(text: str, *, place: bool) -> bool:
    """Whether a text contains a name or a quote; names after "in" or "at" count only if `place` is set."""
    return any(place or before not in NEAR for _, before in names(text)) or bool(quoted(text))
