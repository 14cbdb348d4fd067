"""Tokenisation of a prompt: sentences, numbers, quoted strings, names and keywords."""

import json
import math
import re
from pathlib import Path

from api.emulator.extraction.places import is_region

_TABLES = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))
_WORDS: dict[str, list[str]] = {kind: words.split() for kind, words in _TABLES.items() if isinstance(words, str)}
NUMBER_WORDS = {word: number for number, word in enumerate(_WORDS["numbers"])}
# Words at the beginning of sentences, and conjunctions; capitalised, these words are not names.
OPENERS = frozenset(_WORDS["openers"])
# Words without a meaning for the subject of a text.
STOPWORDS = frozenset(_WORDS["stopwords"])
COLOURS = _WORDS["colours"]
UNITS = _WORDS["units"]
CONDITIONS = _WORDS["conditions"]
# Synonyms: "umbrella" implies "weather", "great" is "positive".
KIN: dict[str, frozenset[str]] = {meaning: frozenset(words.split()) for meaning, words in _TABLES["kin"].items()}
# The number of characters before a name that are searched for the preposition.
_BEFORE = 40
Number = int | float
# Units may follow a number without a blank ("25kg"), and "x" may join numbers ("10x20x30").
_UNIT = r"(?:mm|cm|km|m|kg|mg|g|lbs?|ft|in|mi|ml|l|k|px|min|h|s|%|\u00b0?[CF])\b"
_NUMBER = re.compile(
    r"(?:(?<![\w.])-?|(?<=\dx))(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?=" + _UNIT + r"|x\d|(?!\w))(?!\d)(?!\.\d)"
    r"|\b(?:" + "|".join(NUMBER_WORDS) + r")\b",
    re.I,
)
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'\u2019-]*(?:[ \t]+[A-ZÀ-Þ][\w'\u2019-]*)*")
_JOINED = re.compile(r"\s*(?:,|&|,?\s*(?:and|or))\s*")
_LAST_WORD = re.compile(r"([^\W\d_]+)\s+\Z")
_LABEL = re.compile(r"\s*:(?!\s*-?\d)|\s+\d{1,2}(?:st|nd|rd|th)\b")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_POSSESSIVE = re.compile(r"['\u2019]s$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.:]+")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, with the closing marks."""
    return [entry.strip() for entry in re.split(r"(?<=[.!?])\s+|\n+", text) if entry.strip()]


def number(word: str) -> Number:
    """Return the value of a numeral or number word of `numbers`."""
    if word.lower() in NUMBER_WORDS:
        return NUMBER_WORDS[word.lower()]
    value = float(word.replace(",", ""))
    return int(value) if value.is_integer() and "." not in word else value


def numbers(text: str) -> list[Number]:
    """Return the numbers of a text, as digits or as words up to twenty, except numbers too large for a float."""
    found = (number(match[0].rstrip(",")) for match in _NUMBER.finditer(text))
    return [value for value in found if math.isfinite(value)]


def quoted(text: str) -> list[str]:
    """Return the strings in quotation marks."""
    return [next(group for group in match.groups() if group) for match in _QUOTED.finditer(text)]


def names(text: str) -> list[tuple[str, str]]:
    """Return the capitalised names outside quotes, each with the lower-case word before the name ("in" for "in Paris").

    A town stays with its region ("San Francisco, CA"); names that are enumerated share the word before them. A word
    before a colon is a label and no name, unless a number follows.
    """
    found: list[tuple[str, str]] = []
    plain = _QUOTED.sub(" ", text)
    end = -1
    for match in _NAME.finditer(plain):
        parts = match[0].split()
        while parts and _POSSESSIVE.sub("", parts[0].lower()) in OPENERS:
            parts.pop(0)
        name = _POSSESSIVE.sub("", " ".join(parts))
        if not name or (len(name) == 1 and not name.isdigit()) or _LABEL.match(plain, match.end()):
            continue
        if found and plain[end : match.start()] == ", " and is_region(name) and not is_region(found[-1][0]):
            found[-1] = (f"{found[-1][0]}, {name}", found[-1][1])
        else:
            joined = found and _JOINED.fullmatch(plain, end, match.start())
            before = _LAST_WORD.search(plain, max(0, match.start() - _BEFORE), match.start())
            found.append((name, found[-1][1] if joined else before[1].lower() if before else ""))
        end = match.end()
    return found


def stem(word: str) -> str:
    """Return a crude stem: "adding", "adds" and "add" have the same stem."""
    for ending in ("ing", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def keywords(text: str) -> set[str]:
    """Return the stems of the meaningful words of a text or of an identifier."""
    spaced = _CAMEL.sub(" ", text)
    return {stem(word) for word in (entry.lower() for entry in _WORD.findall(spaced)) if word not in STOPWORDS}


def meanings(text: str) -> set[str]:
    """Return the keywords of a text and their synonyms ("weather" for "umbrella")."""
    said = {word.lower() for word in _WORD.findall(text)}
    return keywords(text) | {stem(meaning) for meaning, words in KIN.items() if words & said}
