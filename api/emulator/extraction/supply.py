"""The values of a prompt for the fields of a schema: names, numbers, quotes, places, dates.

Each value is used once.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from api.emulator.extraction import patterns
from api.emulator.extraction.arithmetic import sums
from api.emulator.extraction.places import Country, capital_named, capital_questions, country_named
from api.emulator.extraction.reading import KIN, Number, keywords, meanings, names, number, numbers, quoted, stem

WHOLE_TEXT: Final = keywords(
    "query text message content prompt question input expression body note search topic instruction"
)
OUTPUT_FIELDS: Final = keywords(
    "answer response reply explanation result output message text summary reasoning story advice"
)
TOTALS: Final = OUTPUT_FIELDS | keywords("total sum")
PLACES: Final = keywords("location place country destination region town origin address state where") | {
    "city",
    "citie",
}
REGIONS: Final = keywords("state country region province")
PARTS_OF_PLACES: Final = REGIONS | keywords("zip postal street")
PEOPLE: Final = keywords("participants attendees guests people members invitees")
EVENTS: Final = keywords("event meeting conference")
NEAR: Final = {"in", "at", "near", "for", "to", "from", "of"}
# Optional fields that accept a name.
OWN_NAMES: Final = keywords("name person user author owner assignee customer speaker company title who")
COUNTS: Final = keywords("age count quantity price year number rating score height weight temperature amount total")
COORDINATES: Final = {"latitude", "longitude", "lat", "lng", "lon", "long"}
SOURCES: Final = keywords("origin sender payer source departure") | {"from"}
TARGETS: Final = keywords("destination recipient receiver payee target arrival") | {"to"}
# Field names with a meaning that are stop words elsewhere.
MEANINGFUL_STOP_WORDS: Final = {"to", "from", "when", "where", "about"}
# The usual values of text fields without an enum in the schema; the last value is the default.
USUAL_VALUES: Final = {"sentiment": ("positive", "negative", "neutral"), "priority": ("high", "low", "medium")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field to fill: its name, and the stems of the name, of the description and of the neighbouring fields."""

    name: str
    about: set[str] = field(default_factory=set)
    described: set[str] = field(default_factory=set)
    beside: set[str] = field(default_factory=set)


def field_of(name: str, schema: dict[str, Any], beside: set[str]) -> Field:
    """Return the field of a schema with a name."""
    about = keywords(name) | ({name.lower()} & MEANINGFUL_STOP_WORDS)
    return Field(name=name, about=about, described=keywords(str(schema.get("description", ""))), beside=beside)


class Supply:
    """The values of a text. `context` is a wider text, searched for labelled or unambiguous values only.

    `output` is the text output; fields with a name such as "answer" get the text or its last number.
    """

    def __init__(self, text: str, *, context: str = "", output: str = "") -> None:
        self.text = text
        self.context = context
        self.output = output
        self.numbers = numbers(patterns.UNCOUNTED.sub(" ", text))
        self.quotes = quoted(text)
        self.names = names(text)
        self.capital_countries = capital_questions(text)
        self.person = ""
        self.place = ""
        self.country: Country | None = None
        self.guessed: list[str] = []
        self.taken: dict[re.Pattern[str], int] = {}

    # --- numbers

    def number(self, wanted: Field, *, whole: bool) -> Number | None:
        """Return a number: from the text output, next to the field's name, the next unused one, or from the context."""
        value = self.output_number(wanted) or self.labelled_number(wanted) or self.coordinate(wanted)
        if value is None:
            value = next((entry for entry in self.numbers if not whole or isinstance(entry, int)), None)
        if value in self.numbers:
            self.numbers.remove(value)
        return self.labelled_number(wanted, self.context) if value is None and self.context else value

    def output_number(self, wanted: Field) -> Number | None:
        """Return the last number of the text output, for a field with a name such as "answer"."""
        found = numbers(self.output) if wanted.about & TOTALS else []
        return found[-1] if found else None

    def coordinate(self, wanted: Field) -> Number | None:
        """Return the latitude or longitude of a named capital, and list the field in `guessed`."""
        if not wanted.about & COORDINATES:
            return None
        place = next((known for name, _ in self.names if (known := capital_named(name))), None)
        if place is None:
            return None
        self.guessed.append(wanted.name)
        return place.latitude if wanted.about & {"latitude", "lat"} else place.longitude

    def labelled_number(self, wanted: Field, text: str = "") -> Number | None:
        """Return a number next to the field's name or a synonym: "3 days", "age 36", "36 years old", "6 feet"."""
        text = text or self.text
        if wanted.about & {"rating", "score"} and (rated := patterns.RATED.search(text)):
            return number(rated[1])
        if wanted.about & {"price", "cost", "amount", "total", "budget"} and (paid := patterns.MONEY.search(text)):
            return number(paid[1] or paid[2])
        words = set(wanted.about)
        for meaning, kin in KIN.items():
            if stem(meaning) in wanted.about or wanted.about & kin:
                words |= kin | {meaning}
        found = patterns.labelled_number(words).search(text) if words else None
        return number(next(group for group in found.groups() if group)) if found else None

    # --- texts

    def string(self, wanted: Field, *, needed: bool, complete: bool) -> str:
        """Return the text for a field: by its kind, its label, or the next unused quote or name; "" without a match."""
        value = (
            self.of_kind(wanted)
            or self.of_place(wanted)
            or self.labelled(wanted)
            or self.unlabelled(wanted, needed=needed, complete=complete)
        )
        if value != self.output:
            self.use(value)
        return value

    def use(self, value: str) -> None:
        """Remove the names and numbers of a value from the supply."""
        if value and value != self.text.strip():
            self.names = [entry for entry in self.names if entry[0] not in value]
            for entry in numbers(value):
                if entry in self.numbers:
                    self.numbers.remove(entry)

    def of_kind(self, wanted: Field) -> str:
        """Return a value with a recognisable form: an address, a date, a unit, a colour, an expression."""
        for stems, pattern in patterns.KINDS:
            if (stems & wanted.about or stems & patterns.DESCRIBED_KINDS & wanted.described) and (
                value := self.next(pattern)
            ):
                return value
        if wanted.about & patterns.SUM_FIELDS and (found := sums(self.text)):
            return found[0].text
        for stems, values in patterns.OF_FIELDS:
            if stems & wanted.about and (value := patterns.beside(values, wanted.about, self.text)):
                return value
        for key, usual in USUAL_VALUES.items():
            if key in wanted.about:
                mentioned = meanings(self.text)
                return next((value for value in usual if stem(value) in mentioned), usual[-1])
        return self.first_or_last_name(wanted)

    def next(self, pattern: re.Pattern[str]) -> str:
        """Return the next unused match of a pattern in the text, or the first match in the context."""
        found = [next(filter(None, match.groups()), match[0]) for match in pattern.finditer(self.text)]
        if not found:
            match = pattern.search(self.context)
            return next(filter(None, match.groups()), match[0]) if match else ""
        count = self.taken.get(pattern, 0)
        self.taken[pattern] = count + 1
        return found[count].strip() if count < len(found) else ""

    def first_or_last_name(self, wanted: Field) -> str:
        """Return one part of a person's name ("first_name", "surname")."""
        name = wanted.name.lower()
        first = bool(re.search(r"first|given|fore_?name", name))
        if not first and not re.search(r"last_?name|surname|family", name):
            return ""
        self.person = self.person or self.take_name(set(), place=False)
        given, _, family = self.person.partition(" ")
        return given if first else family

    def of_place(self, wanted: Field) -> str:
        """Return a requested capital, a country, or one part of a place ("San Francisco" of "San Francisco, CA")."""
        if wanted.about & {"capital"} or ("city" in wanted.about and self.capital_countries):
            return self.capital()
        if "country" in wanted.about and (known := self.known_country()):
            return known
        within = bool(wanted.about & REGIONS)
        if wanted.about & PARTS_OF_PLACES - REGIONS or not (
            within or (wanted.about & PLACES and wanted.beside & PARTS_OF_PLACES)
        ):
            return ""
        self.place = self.place or self.take_name({"city"}, place=True)
        town, _, region = self.place.partition(", ")
        return region if within else town

    def capital(self) -> str:
        """Return the capital of the next country in a question or a name."""
        if self.country is None and self.capital_countries:
            self.country = self.capital_countries.pop(0)
        if self.country is None:
            self.country = next((known for name, _ in self.names if (known := country_named(name))), None)
        known, self.country = self.country, None
        if known and known in self.capital_countries:
            self.capital_countries.remove(known)
        return known.capital if known else ""

    def known_country(self) -> str:
        """Return the next country: named, named by its capital, or with its capital in a question."""
        if self.capital_countries:
            self.country = self.capital_countries.pop(0)
            return self.country.country.removeprefix("the ")
        for name, _ in [(self.place, ""), *self.names]:
            if known := country_named(name):
                self.country = known
                return known.country.removeprefix("the ")
        return ""

    def labelled(self, wanted: Field) -> str:
        """Return the labelled value of the field: "name: Ada", "the title is Dune", "called Dune"."""
        value = patterns.labelled(wanted.name, self.text) or patterns.labelled(wanted.name, self.context)
        if not value:
            return ""
        return next((entry for entry, _ in self.names if entry.startswith(value)), value)

    def unlabelled(self, wanted: Field, *, needed: bool, complete: bool) -> str:
        """Return, by the field's name, the text output, a quote, a statement, the prompt or a name."""
        if value := self.from_output(wanted, needed=needed):
            return value
        if wanted.about & patterns.STRICT:
            return ""
        if self.quotes:
            return self.quotes.pop(0)
        if value := self.from_phrase(wanted):
            return value
        if needed and (wanted.about & patterns.WORDING or (wanted.about & WHOLE_TEXT and not complete)):
            prefix = patterns.ORDER if wanted.about & patterns.WORDING else patterns.SEARCH
            return prefix.sub("", self.text, count=1).strip()
        return self.from_names(wanted, needed=needed)

    def from_output(self, wanted: Field, *, needed: bool) -> str:
        """Return the text output, or the setup or punchline of its riddle."""
        if riddle := wanted.about & {"setup", "punchline"} and patterns.RIDDLE.search(self.output):
            return str(riddle[1 if "setup" in wanted.about else 2])
        # A message field next to an error field stays empty without an error.
        matches = wanted.about & OUTPUT_FIELDS and (needed or "error" not in wanted.beside)
        return self.output if matches else ""

    def from_phrase(self, wanted: Field) -> str:
        """Return the text after an introduction of the field ("saying ...", "about ...")."""
        found = (self.next(pattern) for stems, pattern in patterns.PHRASES if stems & wanted.about)
        if value := next(filter(None, found), ""):
            return value.strip()
        statement = "subject" in wanted.about and (
            patterns.STATEMENT.search(self.text) or patterns.STATEMENT.search(self.context)
        )
        return str(statement[1]).strip().capitalize() if statement else ""

    def from_names(self, wanted: Field, *, needed: bool) -> str:
        """Return a noun, the next matching name, or a name in lower case."""
        if wanted.about & {"name", "item", "product"} and wanted.beside & {"quantity", "quantitie", "price"}:
            return self.next(patterns.COUNTED)
        if wanted.about & EVENTS or (wanted.about & {"name", "title"} and wanted.beside & PEOPLE):
            return self.thing()
        place = bool(wanted.about & PLACES)
        part = wanted.about & REGIONS and wanted.beside & {"city", "town"}  # named after its town, or not at all
        if part or (not needed and not place and not wanted.about & OWN_NAMES):
            return ""
        if found := self.take_name(wanted.about, place=place):
            return found
        pattern = patterns.LOWER_PLACE if place else patterns.LOWER_NAME if "name" in wanted.about else None
        match = pattern.search(self.text) if pattern else None
        if match or not place:
            return match[1] if match else ""
        alone = self.text.strip().partition(" in ")[0]
        return alone if patterns.is_bare(alone) else ""

    def thing(self) -> str:
        """Return a noun with an article ("a science fair"), or the last name."""
        if match := patterns.THING.search(self.text):
            return match[1]
        return self.names[-1][0] if self.names else ""

    def take_name(self, about: set[str], *, place: bool) -> str:
        """Return the next unused name, preferably after a preposition of the field ("in" or "to" for places)."""
        wanted = {"from"} if about & SOURCES else {"to"} if about & TARGETS else NEAR if place else set()
        ranked = [entry for entry in self.names if (entry[1] in wanted if wanted else entry[1] not in NEAR)]
        if not (ranked := ranked or self.names):
            return ""
        taken = ranked[0]
        self.names.remove(taken)
        return taken[0]
