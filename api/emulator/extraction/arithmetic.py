"""Parsing of sums in a text: expressions ("20 + (2 * 4)", "15% of 80"), phrases ("subtract 5 from 10") and
continuations ("multiply the output by 2").

An expression is a tree: either the emulator computes the whole tree, or each operation is one function call.
"""

import itertools
import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from api.emulator.extraction.reading import NUMBER_WORDS, Number, number

MAX_TOKENS = 200
MAX_NESTING = 30
MAX_EXPONENT = 256
# The number of characters before an expression that are searched for a word such as "calculate".
CUE_DISTANCE = 40


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; operands are numbers or operations."""

    sign: str
    left: "Operand"
    right: "Operand"


Operand = Operation | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """An operation in a text, from `start` to `end`; `text` is its notation."""

    tree: Operation
    text: str
    start: int
    end: int


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > MAX_EXPONENT or abs(base) > 10**15:
        raise OverflowError("The power is too large.")
    value = base**exponent
    return math.nan if isinstance(value, complex) else value


def _divided(left: Number, right: Number) -> Number:
    quotient = left / right
    return int(quotient) if quotient.is_integer() else quotient


_APPLIED: dict[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "^": _power,
    "%": lambda percent, whole: _divided(percent * whole, 100),
}
_RANK: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_SIGNS: dict[str, str] = {
    "plus": "+",
    "minus": "-",
    "\u2212": "-",
    "x": "*",
    "\u00d7": "*",
    "times": "*",
    "multiplied by": "*",
    "\u00f7": "/",
    "divided by": "/",
    "**": "^",
    "to the power of": "^",
    "% of": "%",
    "percent of": "%",
} | {sign: sign for sign in "+-*/^"}
_NUMERAL = r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\b(?:" + "|".join(NUMBER_WORDS) + r")\b)"
_WORD_SIGNS = "|".join(r"\s+".join(sign.split()) for sign in sorted(_SIGNS, key=len, reverse=True) if sign[0].isalpha())
_TOKEN = re.compile(
    rf"(?P<number>(?<![\w.]){_NUMERAL}|(?<=\dx){_NUMERAL})(?!\.\d)|(?P<sign>\*\*|%\s+of\b|[-+*/^\u00d7\u00f7\u2212]|"
    rf"\b(?:{_WORD_SIGNS})\b|(?<=\d)x(?=\d))|(?P<bracket>[()])",
    re.I,
)
# Digits joined by "-" or "/" without being a sum: dates and telephone numbers.
_NO_SUM = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}/\d{1,2}/\d{2,4}|\(?\d{3}\)?[ -]\d{3}-\d{4}|\d{3}-\d{4}")
_CUE = re.compile(r"\b(?:what(?:['\u2019]?s| is)|calculate|compute|evaluate|solve|how much|value|result)\b", re.I)
_BACK = r"(?:it|that|this|(?:the|that|this)\s+(?:output|result|sum|product|answer|number|total))"
_ANY = rf"(?:-?{_NUMERAL}|{_BACK})"
_PHRASE = re.compile(
    rf"\b(?:(?P<verb>add|sum of|sum|multiply|product of|divide|quotient of|subtract|difference (?:of|between))\s+"
    rf"(?:(?P<left>{_ANY})\s+(?P<word>and|to|with|from|by)\s+(?P<right>{_ANY})|(?:by\s+)?(?P<lone>-?{_NUMERAL}))"
    rf"|(?:take|start with|start from)\s+(?P<seed>-?{_NUMERAL}))(?![\w.]*\w)",
    re.I,
)
_VERB_SIGNS = {"a": "+", "m": "*", "p": "*", "q": "/"} | {"sum": "+", "sub": "-", "div": "/", "dif": "-"}


def computed(operand: Operand) -> Number:
    """Return the value of an operand. Raises ArithmeticError for a division by zero or a result that is too large."""
    if not isinstance(operand, Operation):
        return operand
    return applied(operand.sign, computed(operand.left), computed(operand.right))


def applied(sign: str, left: Number, right: Number) -> Number:
    """Return the value of one operation on numbers. Raises ArithmeticError as `computed` does."""
    return _APPLIED[sign](left, right)


def sums(text: str) -> list[Sum]:
    """Return the sums of a text in their order; a continuation replaces the sum that it continues."""
    found: list[Sum] = []
    phrases = list(_phrases(text))
    spans = [phrase.span() for phrase in phrases] + [match.span() for match in _NO_SUM.finditer(text)]
    expressions = [entry for entry in _expressions(text) if not _overlaps(entry, spans)]
    seed: tuple[Number, int] | None = None
    entries: list[Sum | re.Match[str]] = [*phrases, *expressions]
    for entry in sorted(entries, key=lambda one: one.start if isinstance(one, Sum) else one.start()):
        if isinstance(entry, Sum):
            found.append(entry)
        elif entry["seed"]:
            seed = (_value(entry["seed"]), entry.start())
        elif (made := _of_phrase(entry, found[-1] if found else None, seed)) is not None:
            if found and found[-1].start == made.start:
                found.pop()
            found.append(made)
            seed = None
    return found


def _overlaps(entry: Sum, spans: list[tuple[int, int]]) -> bool:
    return any(start < entry.end and entry.start < end for start, end in spans)


def _value(numeral: str) -> Number:
    return -number(numeral[1:]) if numeral.startswith("-") else number(numeral)


def _phrases(text: str) -> Iterator[re.Match[str]]:
    for count, match in enumerate(_PHRASE.finditer(text)):
        if count >= MAX_TOKENS:
            return
        yield match


def _of_phrase(match: re.Match[str], before: Sum | None, seed: tuple[Number, int] | None) -> Sum | None:
    """Return the sum of a phrase; None if the phrase continues a sum and no sum precedes the phrase."""
    verb = match["verb"].lower()
    sign = _VERB_SIGNS.get(verb[:3]) or _VERB_SIGNS[verb[0]]
    earlier: Operand | None = seed[0] if seed else before.tree if before else None
    sides = ["it", match["lone"]] if match["lone"] else [match["left"], match["right"]]
    continues = [re.match(_BACK, side, re.I) is not None for side in sides]
    operands = [earlier if back else _value(side) for side, back in zip(sides, continues, strict=True)]
    if match["word"] and match["word"].lower() == "from":
        operands.reverse()
    left, right = operands
    if left is None or right is None:
        return None
    start = match.start()
    if any(continues):
        start = seed[1] if seed else before.start if before else start
    tree = Operation(sign, left, right)
    return Sum(tree=tree, text=written(tree), start=start, end=match.end()) if _depth(tree) < MAX_NESTING else None


def _depth(operand: Operand) -> int:
    return 1 + max(_depth(operand.left), _depth(operand.right)) if isinstance(operand, Operation) else 0


def written(operand: Operand) -> str:
    """Return the operand as an expression, with the necessary brackets."""
    if not isinstance(operand, Operation):
        return shown_number(operand)
    sides = [
        f"({written(side)})"
        if isinstance(side, Operation) and _RANK[side.sign] < _RANK[operand.sign]
        else written(side)
        for side in (operand.left, operand.right)
    ]
    sign = "% of" if operand.sign == "%" else f" {operand.sign}"
    return f"{sides[0]}{sign} {sides[1]}"


def shown_number(value: Number) -> str:
    """Return a number in digits: integers in full, others with ten digits."""
    return str(value) if isinstance(value, int) else f"{value:.10g}"


def _expressions(text: str) -> Iterator[Sum]:
    """Yield the expressions of a text: runs of numbers, signs and brackets without other words between them."""
    run: list[re.Match[str]] = []
    for match in _TOKEN.finditer(text):
        if run and (text[run[-1].end() : match.start()].strip() or len(run) >= MAX_TOKENS):
            yield from _of_run(run, text)
            run = []
        run.append(match)
    yield from _of_run(run, text)


def _of_run(run: list[re.Match[str]], text: str) -> Iterator[Sum]:
    while run and run[0]["sign"] and run[0][0] != "-":
        run = run[1:]
    while run and (run[-1]["sign"] or run[-1][0] == "("):
        run = run[:-1]
    tree = _Parser(run).tree() if run else None
    if tree is None:
        return
    start, end = run[0].start(), run[-1].end()
    tight = not any(" " in text[one.end() : other.start()] for one, other in itertools.pairwise(run))
    joiner = tight and {match[0] for match in run if match["sign"]} <= {"-", "/", "x"}
    if joiner and len(text.strip()) > end - start and not _CUE.search(text[max(0, start - CUE_DISTANCE) : start]):
        return
    yield Sum(tree=tree, text=text[start:end], start=start, end=end)


class _Parser:
    """Precedence climbing over the tokens of a run; a run with unmatched brackets is not an expression."""

    def __init__(self, run: list[re.Match[str]]) -> None:
        self.run = run
        self.at = 0
        self.nesting = 0

    def tree(self) -> Operation | None:
        """Return the whole run as an operation, or None."""
        try:
            operand = self.operand(1)
        except (IndexError, ValueError):
            return None
        return operand if isinstance(operand, Operation) and self.at == len(self.run) else None

    def operand(self, rank: int) -> Operand:
        left = self.atom()
        while self.at < len(self.run) and (sign := self.sign()) and _RANK[sign] >= rank:
            self.at += 1
            left = Operation(sign, left, self.operand(_RANK[sign] + (sign != "^")))
        return left

    def sign(self) -> str:
        written_sign = self.run[self.at]["sign"]
        return _SIGNS[re.sub(r"\s+", " ", written_sign.lower())] if written_sign else ""

    def atom(self) -> Operand:
        """Return a number, a negative number, or the operand in brackets. Raises ValueError for any other token."""
        token = self.run[self.at]
        self.at += 1
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise ValueError("The expression is nested too deep.")
        if token["number"]:
            value: Operand = number(token[0])
        elif token[0] == "-" and self.run[self.at]["number"]:
            value = -number(self.run[self.at][0])
            self.at += 1
        elif token[0] == "(":
            value = self.operand(1)
            if self.run[self.at][0] != ")":
                raise ValueError("A bracket is not closed.")
            self.at += 1
        else:
            raise ValueError("An operand is missing.")
        self.nesting -= 1
        return value
