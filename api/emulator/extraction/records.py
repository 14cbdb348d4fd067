"""Segmentation of a text into records, for lists: "Jason is 10 and John is 30" has two."""

import re

from api.emulator.extraction.patterns import COUNTED, LOWER_NAME
from api.emulator.extraction.reading import OPENERS, UNITS, names
from api.emulator.extraction.supply import NEAR

MAX_RECORDS = 50
_PIECES = re.compile(r"(?<=[.!?;])\s+|\n+|(?<!\d),\s+|,\s+(?!\d{3}\b)|\s+and\s+")
_MARKER = re.compile(r"\A\s*(?:[-*\u2022]|\d{1,3}[.)](?=\s|\Z))\s*")
_ORDERING = re.compile(r"\A(?:(?:please|buy|order|get|add|purchase|i|want|need|bring|me)\s+)+", re.I)
_LABEL = re.compile(r"\A[\w ]{1,60}:\s+")


def records(text: str) -> list[str]:
    """The parts of a text that each open with a name or a count, without list marks; none if there are none.

    A text that names something before its first record is no list of records: "the capitals of France and Japan".
    """
    found: list[str] = []
    for piece in _PIECES.split(text):
        plain = _LABEL.sub("", _MARKER.sub("", piece, count=1), count=1).strip()
        if leads(plain):
            found.append(plain)
        elif found:
            found[-1] += f", {piece}"
        elif names(piece):
            return []
        if len(found) == MAX_RECORDS:
            break
    return found


def leads(plain: str) -> bool:
    """Whether a piece of a text opens with the name or number of what it is about, after words such as "extract"."""
    first = next(iter(names(plain)), None)
    if first is None:
        match = LOWER_NAME.search(plain) or COUNTED.match(_ORDERING.sub("", plain, count=1))
        return match is not None and match[1].split()[0] not in UNITS and _only_openers(plain[: match.start()])
    return first[1] not in NEAR and _only_openers(plain[: plain.find(first[0])])


def _only_openers(text: str) -> bool:
    return all(word.lower().strip(",") in OPENERS for word in text.split())


def clauses(text: str) -> list[str]:
    """The points of a text, as its commas and stops part them."""
    parts = re.split(r"[.,;!?\n]+(?:\s+(?:and|but)\b)?|\s+but\s+", text)
    return [part.strip() for part in parts if part.strip()]


def enumerated(text: str) -> list[str]:
    """The short entries that a text sets out with commas ("red square, blue circle"); none if it has no such list."""
    entries = [re.sub(r"^and\s+", "", part.strip()) for part in re.split(r",\s*|\n+", text.strip(" .!?"))]
    entries = [entry for entry in entries if entry]
    return entries if len(entries) > 1 and all(len(entry.split()) < 4 for entry in entries) else []


def listed(answer: str) -> list[str]:
    """The entries of a numbered list in an answer."""
    return re.findall(r"^(?:\[[^\]]*\] )?\d{1,3}\. (.+)$", answer, re.M)
