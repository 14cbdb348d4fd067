"""The tables of the translation rules and of client behaviour on docs/compatibility.md.

Sources are docs/rules.toml, docs/clients.toml and the names of the tests. `load_rules` verifies that every rule is held
by a test, is open, or has a reason why it does not apply.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RULES: Final = ROOT / "docs" / "rules.toml"
CLIENTS: Final = ROOT / "docs" / "clients.toml"

RULE_COUNT: Final = 112
RULE_TEST: Final = re.compile(r"test_rules?_(\d+)(?:_(and|to)_(\d+))?_")


class RuleTableError(Exception):
    """docs/rules.toml and the tests disagree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the translation.

    `tests` verify it, or `reason` states why it does not apply, or `open` names the missing part.
    """

    number: int
    says: str
    tests: tuple[str, ...] = ()
    reason: str = ""
    open: str = ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; a `|` in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def link(file: str) -> str:
    """Return a link from a page in docs/ to a file of the checkout."""
    return f"[{Path(file).name}](../{file})"


def tests_of_functions() -> Iterator[tuple[str, str]]:
    """Yield (file, name) of every test function under tests/."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        file = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield file, node.name


def numbers_in(name: str) -> Sequence[int]:
    """Return the numbers of the rules in a test's name.

    `test_rule_7_...` is one, `test_rules_7_and_9_...` two, `test_rules_7_to_9_...` three.
    """
    found = RULE_TEST.match(name)
    if found is None:
        return []
    first, joint, last = int(found[1]), found[2], int(found[3] or found[1])
    return range(first, last + 1) if joint == "to" else sorted({first, last})


def load_rules() -> list[Rule]:
    """Return all rules in order, each with its tests; raises RuleTableError if table and tests disagree."""
    named: dict[int, list[str]] = defaultdict(list)
    existing = set()
    for file, name in tests_of_functions():
        existing.add(f"{file}::{name}")
        for number in numbers_in(name):
            named[number].append(f"{file}::{name}")
    rows = tomllib.loads(RULES.read_text(encoding="utf-8"))["rule"]
    if [row["number"] for row in rows] != list(range(1, RULE_COUNT + 1)):
        raise RuleTableError(f"docs/rules.toml must list the rules 1 to {RULE_COUNT} in order")
    if unknown := set(named) - set(range(1, RULE_COUNT + 1)):
        raise RuleTableError(f"tests are named after rules that do not exist: {sorted(unknown)}")
    return [_rule(row, named[row["number"]], existing) for row in rows]


def _rule(row: Mapping[str, Any], named: list[str], existing: set[str]) -> Rule:
    number, listed = row["number"], row.get("tests", [])
    if missing := set(listed) - existing:
        raise RuleTableError(f"rule {number}: there is no {', '.join(sorted(missing))}")
    if doubled := set(listed) & set(named):
        raise RuleTableError(f"rule {number}: {', '.join(sorted(doubled))} says so by its name already")
    rule = Rule(
        number=number,
        says=row["says"],
        tests=(*named, *listed),
        reason=row.get("reason", ""),
        open=row.get("open", ""),
    )
    if bool(rule.reason) == bool(rule.tests or rule.open):
        raise RuleTableError(f"rule {number} needs tests (or says what is open), or a reason why it does not apply")
    return rule


def _held_by(rule: Rule) -> str:
    if rule.reason:
        return f"Does not apply: {rule.reason}"
    by_file: dict[str, list[str]] = defaultdict(list)
    for test in rule.tests:
        file, _, name = test.partition("::")
        by_file[file].append(f"`{name}`")
    held = "<br>".join(f"{link(file)}: {', '.join(names)}" for file, names in by_file.items())
    missing = f"**Open:** {rule.open}" if rule.open else ""
    return "<br>".join(filter(None, [held, missing]))


def rules_section() -> str:
    """Return the rules, each with its tests or its reason."""
    rules = load_rules()
    rows = [[str(rule.number), rule.says, _held_by(rule)] for rule in rules]
    held = sum(1 for rule in rules if rule.tests and not rule.open)
    opened = sum(1 for rule in rules if rule.open)
    apart = sum(1 for rule in rules if rule.reason)
    summary = f"Of {len(rules)} rules {held} are held by tests, {opened} are open, {apart} do not apply to what exists."
    return f"{summary}\n\n{table(['Rule', 'What it says', 'Held by'], rows)}"


def clients_section() -> str:
    """Return the habits of real clients, each with its tests; raises RuleTableError for an unknown test."""
    existing = {f"{file}::{name}" for file, name in tests_of_functions()}
    rows = []
    for row in tomllib.loads(CLIENTS.read_text(encoding="utf-8"))["habit"]:
        tests, reason = tuple(row.get("tests", ())), row.get("reason", "")
        if missing := set(tests) - existing:
            raise RuleTableError(f"{row['client']}: there is no {', '.join(sorted(missing))}")
        if bool(tests) == bool(reason):
            raise RuleTableError(f"{row['client']}: needs tests, or a reason why it does not apply: {row['does']}")
        rows.append([row["client"], row["does"], _held_by(Rule(number=0, says="", tests=tests, reason=reason))])
    return table(["Client", "What it does", "Held by"], rows)
