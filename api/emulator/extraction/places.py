"""A table of countries and their capitals, and the recognition of places in a text."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country, and its capital with the coordinates in degrees."""

    country: str
    capital: str
    latitude: float
    longitude: float


def _loaded() -> Any:
    return json.loads(Path(__file__).with_name("places.json").read_text("utf-8"))


def _countries() -> dict[str, Country]:
    known: dict[str, Country] = {}
    for entry in _loaded()["countries"]:
        also = entry.pop("also", [])
        country = Country(**entry)
        known |= dict.fromkeys([country.country.lower(), *also], country)
    return known


COUNTRIES = _countries()
_BY_CAPITAL = {country.capital.lower(): country for country in reversed(COUNTRIES.values())}
# Names that may follow a town and a comma: "Glasgow, Scotland", "Austin, Texas".
REGIONS = frozenset({name.removeprefix("the ") for name in COUNTRIES} | {name.lower() for name in _loaded()["regions"]})
_NAME = r"((?:the )?[^\W\d_]\w*(?:[ -][^\W\d_]\w*){0,3}?)"
_CAPITALS_OF = re.compile(
    rf"\bcapital(?:s| city| cities)? of (?:both )?{_NAME}(?:(?:,| and| or) {_NAME})?(?=[?.!,;:]|\s+(?:as|in)\b|\s*$)",
    re.I,
)
_S_CAPITAL = re.compile(r"\b((?-i:[A-Z])\w+(?: (?-i:[A-Z])\w+)?)['\u2019]s capital\b", re.I)


def is_region(name: str) -> bool:
    """Whether a name is a country or state, or the code of one ("CA")."""
    return bool(re.fullmatch(r"[A-Z]{2}", name)) or name.lower().removeprefix("the ") in REGIONS


def capital_questions(text: str) -> list[Country]:
    """Return the known countries whose capitals a text asks for."""
    names = [name for match in _CAPITALS_OF.finditer(text) for name in match.groups() if name]
    names += [match[1] for match in _S_CAPITAL.finditer(text)]
    return [country for name in names if (country := COUNTRIES.get(name.lower()))]


def country_named(name: str) -> Country | None:
    """Return the country of a name: the country's own or its capital's ("Paris", "Paris, France")."""
    town, _, region = name.lower().partition(", ")
    return COUNTRIES.get(region) or COUNTRIES.get(town) or _BY_CAPITAL.get(town) or _BY_CAPITAL.get(name.lower())


def capital_named(name: str) -> Country | None:
    """Return the country of a capital ("Paris", "Paris, France")."""
    return _BY_CAPITAL.get(name.lower().partition(", ")[0]) or _BY_CAPITAL.get(name.lower())
