"""Segmentation of a text into records, for lists: "Jason is 10 and John is 30" has two."""

import re

from api.emulator.extraction.patterns import COUNTED, LOWER_NAME
from api.emulator.extraction.reading import OPENERS, UNITS, names
from api.emulator.extraction.supply import NEAR

MAX_RECORDS = 50
_SEPARATORS = re.compile(r"(?<=[.!?;])\s+|\n+|(?<!\d),\s+|,\s+(?!\d{3}\b)|\s+and\s+")
_MARKER = re.compile(r"\A\s*(?:[-*\u2022]|\d{1,3}[.)](?=\s|\Z))\s*")
_ORDERING = re.compile(r"\A(?:(?:please|buy|order|get|add|purchase|i|want|need|bring|me)\s+)+", re.I)
_LABEL = re.compile(r"\A[\w ]{1,60}:\s+")


def records(text: str) -> list[str]:
    """Return the clauses of a text that begin with a name or a count, without list marks.

    The list is empty if a name precedes the first record: "the capitals of France and Japan".
    """
    found: list[str] = []
    for clause in _SEPARATORS.split(text):
        plain = _LABEL.sub("", _MARKER.sub("", clause, count=1), count=1).strip()
        if leads(plain):
            found.append(plain)
        elif found:
            found[-1] += f", {clause}"
        elif names(clause):
            return []
        if len(found) == MAX_RECORDS:
            break
    return found


def leads(plain: str) -> bool:
    """Whether a clause begins with a name or a count; words such as "extract" may precede the name."""
    first = next(iter(names(plain)), None)
    if first is None:
        match = LOWER_NAME.search(plain) or COUNTED.match(_ORDERING.sub("", plain, count=1))
        return match is not None and match[1].split()[0] not in UNITS and _only_openers(plain[: match.start()])
    return first[1] not in NEAR and _only_openers(plain[: plain.find(first[0])])


def _only_openers(text: str) -> bool:
    return all(word.lower().strip(",") in OPENERS for word in text.split())


def clauses(text: str) -> list[str]:
    """Return the clauses of a text, split at commas, stops and "but"."""
    parts = re.split(r"[.,;!?\n]+(?:\s+(?:and|but)\b)?|\s+but\s+", text)
    return [part.strip() for part in parts if part.strip()]


def enumerated(text: str) -> list[str]:
    """Return the short entries of a comma-separated list ("red square, blue circle"); empty without a list."""
    entries = [re.sub(r"^and\s+", "", part.strip()) for part in re.split(r",\s*|\n+", text.strip(" .!?"))]
    entries = [entry for entry in entries if entry]
    return entries if len(entries) > 1 and all(len(entry.split()) < 4 for entry in entries) else []


def listed(output: str) -> list[str]:
    """Return the entries of a numbered list in the text output."""
    return re.findall(r"^(?:\[[^\]]*\] )?\d{1,3}\. (.+)$", output, re.M)
