"""Texts of any length that make patterns and searches backtrack.

A text is a beginning, a repeated unit and an end.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import NamedTuple

from tests.unit.linear_work.measuring import Shape, Work

# Larger texts cost more for memory alone, and smaller texts show quadratic growth as well.
MOST_UNITS = 40_000


class Hostile(NamedTuple):
    """A text of any length."""

    unit: str
    begin: str = ""
    end: str = ""

    def text(self, count: int) -> str:
        """Return the text with `count` units."""
        return self.begin + self.unit * count + self.end


IMAGE = "](data:image/png;base64,AAAA)"
TEXTS = {
    "openings of images": Hostile("![", begin=IMAGE),
    "beginnings of images": Hostile("![](data:image/"),
    "labels of images": Hostile("![a" + IMAGE[:-1]),
    "images": Hostile(f"![a{IMAGE}"),
    "ends of images": Hostile(IMAGE),
    "ends of images behind an opening": Hostile(IMAGE, begin="!["),
    "an image of line breaks": Hostile("\n", begin="![](data:image/", end=")"),
    "backticks": Hostile("`"),
    "fences": Hostile("```\n"),
    "backslashes": Hostile("\\"),
    "quotation marks": Hostile('"'),
    "braces": Hostile("{"),
    "brackets": Hostile("["),
    "pairs of brackets": Hostile("[]", begin="[", end="]"),
    "objects": Hostile('{"a":1},', begin="[", end="{}]"),
    "members": Hostile('"a":1,', begin="{"),
    "a member cut off": Hostile("\\u0041", begin='{"a":1,"b":"'),
    "blanks": Hostile(" "),
    "blanks behind a word": Hostile(" ", begin="a"),
    "blanks before a word": Hostile(" ", end="a"),
    "line breaks": Hostile("\n"),
    "carriage returns": Hostile("\r"),
    "words": Hostile("word "),
    "sentences": Hostile("Is it? I am. "),
    "capitals": Hostile("Ab Cd, "),
    "digits": Hostile("1"),
    "digits in an object": Hostile("1", begin='{"a":'),
    "sums": Hostile("1+"),
    "equals signs": Hostile("="),
    "base64": Hostile("QUJD", begin="data:image/png;base64,"),
    "padding": Hostile("=", begin="data:image/png;base64,QQ"),
    "base64 marks": Hostile(";base64,"),
    "data marks": Hostile('"data":"'),
    "commas": Hostile(","),
    "colons": Hostile("data:"),
    "slashes": Hostile("https://"),
    "dots": Hostile("a."),
    "tags": Hostile("<a>"),
    "signature marks": Hostile("__thought__"),
    "references": Hostile('"$ref":'),
    "escaped NULs": Hostile("\\u0000"),
    "halves of pairs": Hostile("\\ud800"),
    "NULs": Hostile("\0"),
    "umlauts": Hostile("\u00e4\u00f6"),
    "emoji": Hostile("\U0001f600"),
    "quoted words": Hostile("'a' "),
    "keys": Hostile("key="),
}


def shapes_of_texts(kind: str, work: Callable[[str], Work], names: Collection[str] = TEXTS) -> list[Shape]:
    """Return a shape for each of the texts, with the work of `work` on the text."""
    return [Shape(f"{kind}: {name}", partial(_on_text, work, TEXTS[name]), MOST_UNITS) for name in names]


def _on_text(work: Callable[[str], Work], own: Hostile, count: int) -> Work:
    return work(own.text(count))
