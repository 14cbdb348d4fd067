"""Reads a prompt the way a small helpful model would: sentences, numbers, quoted strings, names, and key words."""

import json
import re
from pathlib import Path

_WORDS: dict[str, list[str]] = {
    kind: words.split() for kind, words in json.loads(Path(__file__).with_name("words.json").read_text("utf-8")).items()
}
NUMBER_WORDS = {word: number for number, word in enumerate(_WORDS["numbers"])}
# Words with which sentences open or that join them; capitalised, they are no names.
OPENERS = frozenset(_WORDS["openers"])
# Words that say nothing about what a text is about.
STOPWORDS = frozenset(_WORDS["stopwords"])
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?![\w])(?!\.\d)|\b(?:" + "|".join(NUMBER_WORDS) + r")\b", re.I)
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
_NAME = re.compile(r"\b[A-ZÀ-Þ][\w'\u2019-]*(?:\s+[A-ZÀ-Þ][\w'\u2019-]*)*")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_POSSESSIVE = re.compile(r"['\u2019]s$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.:]+")


def sentences(text: str) -> list[str]:
    """The sentences of a text, with their closing marks."""
    return [entry.strip() for entry in re.split(r"(?<=[.!?])\s+|\n+", text) if entry.strip()]


def number(word: str) -> int | float:
    """The value of a numeral or number word that `numbers` would find."""
    if word.lower() in NUMBER_WORDS:
        return NUMBER_WORDS[word.lower()]
    value = float(word.replace(",", ""))
    return int(value) if value.is_integer() and "." not in word else value


def numbers(text: str) -> list[int | float]:
    """Every number of a text, as digits or as a word up to twenty."""
    return [number(match[0].rstrip(",")) for match in _NUMBER.finditer(text)]


def quoted(text: str) -> list[str]:
    """What stands in quotation marks."""
    return [next(group for group in match.groups() if group) for match in _QUOTED.finditer(text)]


def names(text: str) -> list[tuple[str, str]]:
    """Capitalised names, each with the lower-case word before it ("in" for "in Paris"); quoted text is left out."""
    found = []
    plain = _QUOTED.sub(" ", text)
    for match in _NAME.finditer(plain):
        parts = match[0].split()
        while parts and _POSSESSIVE.sub("", parts[0].lower()) in OPENERS:
            parts.pop(0)
        name = _POSSESSIVE.sub("", " ".join(parts))
        if name and (len(name) > 1 or name.isdigit()):
            before = _WORD.findall(plain[: match.start()])
            found.append((name, before[-1].lower() if before else ""))
    return found


def stem(word: str) -> str:
    """A crude stem, so that "forecasts", "adding" and "add" meet."""
    for ending in ("ing", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def keywords(text: str) -> set[str]:
    """The stems of the words of a text or of an identifier that say what it is about."""
    spaced = _CAMEL.sub(" ", text)
    return {stem(word) for word in (entry.lower() for entry in _WORD.findall(spaced)) if word not in STOPWORDS}
