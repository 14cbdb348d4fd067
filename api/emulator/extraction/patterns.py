"""Patterns of values in a prompt, by the kind of field."""

import re
from functools import lru_cache
from typing import Final

from api.emulator.extraction.reading import COLOURS, CONDITIONS, NUMBER_WORDS, OPENERS, STOPWORDS, UNITS, keywords

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_MONTH = rf"(?:{_MONTHS}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_DATE = (
    rf"\d{{4}}-\d\d-\d\d|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}})?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:\s+\d{{4}})?\b"
)
_DAY = rf"\b(?:(?:next|this|last)\s+)?(?:{_DAYS})\b|\b(?:today|tonight|tomorrow|yesterday|next (?:week|month|year))\b"
_CLOCK = r"\b\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]\.?m\b)?|\b\d{1,2}\s?[ap]m\b|\b(?:noon|midnight)\b"
_EMAIL = r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{0,190}\w"
_URL = r"https?://[^\s\"'<>)]+"
_PHONE = r"(?<![\w-])\+?\(?\d{1,4}\)?(?:[ .-]?\(?\d{2,4}\)?){1,4}[ .-]\d{3,4}(?!\w)"
_STREET = (
    r"\b\d{1,6}\s+(?:[A-Z][\w.]*\s+){1,4}?"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Way|Court|Ct|Square|Sq)\b\.?"
)
_SHORT_UNIT = "|".join(unit for unit in UNITS if len(unit) < 4)
_LONG_UNIT = "|".join(unit for unit in UNITS if len(unit) >= 4)
_UNTIL = r"(?=\s+(?:as soon as|by|on|at|in|for|with|and|from|to|before|next|this|tomorrow|today|asap)\b|[.,;:!?]|\s*$)"
_COLOUR = rf"\b({'|'.join(COLOURS)})\b"


def _of(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I)


# Digits that are not counts.
UNCOUNTED: Final = _of("|".join((_EMAIL, _URL, _PHONE, _DATE, _CLOCK)))
EMAIL: Final = _of(_EMAIL)
COLOUR: Final = _of(_COLOUR)
# Stems of a field's name, and the form of its values.
KINDS: Final[tuple[tuple[set[str], re.Pattern[str]], ...]] = (
    (keywords("email mail recipient emails recipients") | {"to"}, _of(_EMAIL)),
    (keywords("phone telephone mobile fax"), _of(_PHONE)),
    (keywords("url link website uri homepage"), _of(_URL)),
    (keywords("zip postal postcode zipcode"), _of(r"\b\d{5}(?:-\d{4})?\b|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b")),
    (keywords("street address"), re.compile(_STREET)),
    (keywords("date day deadline due birthday") | {"when"}, _of(f"{_DATE}|{_DAY}")),
    (keywords("time hour") | {"when"}, _of(_CLOCK)),
    (keywords("unit units"), _of(rf"(?<=\d)\s?((?:{_SHORT_UNIT}))\b|\b({_LONG_UNIT})\b")),
    (keywords("condition conditions weather"), _of(rf"\b({'|'.join(CONDITIONS)})\b")),
    (keywords("currency"), re.compile(r"\b(USD|EUR|GBP|JPY|CHF|CAD|AUD)\b|([$€£¥])")),
    (
        keywords("path file filename"),
        _of(r"(?<![\w:/~.-])(?:[\w~.-]{0,100}/){1,30}[\w.-]+|(?<![\w-])[\w-]{1,100}\.[a-z]{2,5}\b"),
    ),
    (keywords("ticker symbol"), re.compile(r"\b([A-Z]{2,5})\b")),
    ({"id", "identifier", "sku", "code"}, _of(r"\b[A-Z]{2,}[_-]\d[\w-]*|#\d+\b|\b[A-Z]{1,5}\d{2,}\b")),
    (
        {"id", "identifier", "number"},
        _of(r"\b(?:order|invoice|ticket|account|user|customer|id|number|no\.?)\s*#?:?\s*(\d{2,})\b"),
    ),
)
# Kinds that are recognised in a description too.
DESCRIBED_KINDS: Final = keywords("email phone url zip")
# Stems of fields that accept only values of their own form.
STRICT: Final = keywords(
    "email mail phone telephone mobile url link website uri street zip postal postcode date deadline birthday"
)
# Stems of fields for the prompt's text without its introduction ("Translate: ...").
WORDING: Final = keywords("comment feedback remark transcript original quote review")
ORDER: Final = re.compile(r"\A[^:\n]{1,60}:\s+(?=\S)")
SUM_FIELDS: Final = keywords("expression formula equation calculation")
OF_FIELDS: Final[tuple[tuple[set[str], str], ...]] = ((keywords("color colour hair eye"), _COLOUR),)
STATEMENT: Final = _of(
    r"\b(?:saying|says?|reads?|to say|with the (?:body|message|text|content)|telling \w+)\s+(?:that\s+)?([^.!?\n]+)"
)
PHRASES: Final[tuple[tuple[set[str], re.Pattern[str]], ...]] = (
    (keywords("body message content text note"), STATEMENT),
    (
        keywords("subject topic title theme") | {"about"},
        _of(r"\b(?:about|on the topic of|on the subject of)\s+(?:the\s+|an?\s+)?([^.,;!?\n]+)"),
    ),
    (keywords("room area zone"), _of(r"\b(?:in|of) the ([a-z]+(?: room)?)")),
    (
        keywords("task action todo description"),
        _of(rf"\b(?:needs? to|has to|have to|should|must|me to|to-?do:)\s+([^.!?\n]+?){_UNTIL}"),
    ),
)
RATED: Final = _of(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(?:out of|/)\s*\d+")
MONEY: Final = _of(
    r"[$€£]\s?(\d[\d,]*(?:\.\d+)?)|(?<![\w.])(\d[\d,]*(?:\.\d+)?)\s?(?:dollars|euros|pounds|usd|eur|gbp)\b"
)
SEARCH: Final = _of(
    r"^\s*(?:please\s+)?(?:can you\s+|could you\s+)?(?:search|look|google|find)\b(?:\s+(?!for\b)\w+){0,3}\s+for\s+"
)
COUNTED: Final = _of(
    rf"(?<![\w.$])(?:\d+|{'|'.join(NUMBER_WORDS)}|an?)\s+([a-z][\w-]*(?:\s[a-z][\w-]*){{0,2}}?)"
    r"(?=\s+(?:at|for|and|from|with|to|costs?)\b|[.,;!?]|\s*$)"
)
RIDDLE: Final = re.compile(r"(Why [^?]+\?)\s+([^(]*[^(\s])")
THING: Final = re.compile(rf"\b(?:[Aa]n?|[Tt]he)\s+((?:[a-z][\w-]*\s+){{0,3}}?[a-z][\w-]*){_UNTIL}")
LOWER_PLACE: Final = re.compile(
    r"\b(?:in|at|near|for|to|from)\s+((?!(?:the|a|an|me|this|that|my|your|it|celsius|fahrenheit)\b)[^\W\d_]{2,})"
)
LOWER_NAME: Final = re.compile(r"\b((?!(?:this|that|it|he|she|what|who|there)\b)[a-z]+(?:\s(?!is\b)[a-z]+)?)\s+is\s+\d")


def is_bare(text: str) -> bool:
    """Whether a text is nothing but a name in lower case ("dallas")."""
    words = text.lower().split()
    return 0 < len(words) <= 3 and not any(word in OPENERS or not word.isalpha() for word in words)


@lru_cache(maxsize=256)
def _labelled_number(words: tuple[str, ...]) -> re.Pattern[str]:
    label = "|".join(map(re.escape, words))
    numeral = r"(-?\d+(?:,\d{3})*(?:\.\d+)?)"
    unit = rf"(?:\s?(?:{'|'.join(UNITS)}))?"
    return _of(
        rf"(?<![\w.]){numeral}{unit}[\s-]+(?:{label})\w*|\b(?:{label})[\w\"']*[^\w-]{{0,4}}(?:is|of|to|was)?\s*{numeral}"
    )


def labelled_number(words: set[str]) -> re.Pattern[str]:
    """Return the pattern of a number directly before or after one of the words."""
    return _labelled_number(tuple(sorted(words)))


def labelled(name: str, text: str) -> str:
    """Return the word labelled with a name in a text: "name: Ada", "called Dune"; "" without a label."""
    label = r"[\s_]+".join(map(re.escape, re.findall(r"[^\W_]+", name)))
    found = label and re.search(rf"\b{label}[\"']?\s*(?:is|=|:|named|called)\s*[\"']?([^\s,;.!?\"“']+)", text, re.I)
    return found[1] if found and found[1].lower() not in STOPWORDS else ""


def beside(pattern: str, stems: set[str], text: str) -> str:
    """Return a match next to a word of the field ("blond hair", "her hair is black"), else the first match, else ""."""
    others = "|".join(re.escape(word) for word in sorted(stems - {"color", "colour"}))
    near = others and re.search(rf"{pattern}\s+(?:{others})|\b(?:{others})\w*\s+(?:is\s+|are\s+)?{pattern}", text, re.I)
    found = near or re.search(pattern, text, re.I)
    return next(filter(None, found.groups())) if found else ""
