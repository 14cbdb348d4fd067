"""The documentation: generated pages are up to date, and named files, commands and settings exist."""

import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])
WRITTEN = [path for path in PAGES if path.name != "compatibility.md"]
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
OUR_PATH = re.compile(r"(?<![\w/.@-])(?:api|deploy|docs|gemini_gateway|sessions_store|tests)/[\w@*./-]*")
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]\b|(?<=^)[A-Z]+(?==)", re.MULTILINE)
# Pages that are named but not written yet. An existing page in the list fails the test.
NOT_YET: set[str] = set()
NOT_OURS = {
    "HTTPS_PROXY",
    "NO_PROXY",
    "FUZZ_SECONDS",
    "FUZZ_SEED",
    "GATEWAY_TEST_SERVER",
    "OPENAI_ADMIN_KEY",
    "TEST_DATABASE_URL",
    "TEST_RECORDINGS",
    "TEST_REDIS_URL",
    "UPDATE_GOLDEN",
    "GATEWAY_TEST_REDIS_URL",
}


# docs is no package: its scripts import each other by module name.
sys.path.insert(0, str(ROOT / "docs"))
generator = importlib.import_module("generate")
rule_tables = importlib.import_module("rule_tables")


def page_text(path: Path) -> str:
    """Return the text of a page."""
    return path.read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """Return the URL fragments of a page's headings in GitHub's spelling."""
    headings = re.findall(r"^#+ (.*)$", page_text(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_generated_pages_are_up_to_date() -> None:
    stale = [path.name for path, text in generator.generated().items() if page_text(path) != text]
    assert stale == [], "run: make docs"


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_have_targets(path: Path) -> None:
    broken = []
    for target in LINK.findall(page_text(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        if not page.exists() or (fragment and fragment not in anchors(page)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_named_files_exist(path: Path) -> None:
    named = {found.rstrip("./") for found in OUR_PATH.findall(page_text(path))}
    assert {name for name in named if not any(ROOT.glob(name))} - NOT_YET == set()


def test_pages_listed_as_unwritten_do_not_exist() -> None:
    assert [page for page in NOT_YET if (ROOT / page).exists()] == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_named_commands_exist(path: Path) -> None:
    text = page_text(path)
    targets = set(re.findall(r"^([a-z-]+):", page_text(ROOT / "Makefile"), re.MULTILINE))
    asked = set(re.findall(r"(?:`|^|\d |\w )make ([a-z-]+)", "\n".join(SHELL_BLOCK.findall(text)), re.MULTILINE))
    asked |= set(re.findall(r"`make ([a-z-]+)", text))
    assert asked - targets == set()
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) - set(get_commands()) == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/architecture.md"])
def test_named_settings_exist(page: str) -> None:
    documented = set(re.findall(r"^#([A-Z0-9_]+)=", page_text(ROOT / ".env.example"), re.MULTILINE))
    assert set(SETTING.findall(page_text(ROOT / page))) - documented - NOT_OURS == set()


def test_named_system_checks_exist() -> None:
    named = set(re.findall(r"gateway\.[EW]\d{3}", page_text(ROOT / "docs" / "operations.md")))
    assert named
    assert named - set(re.findall(r'"(gateway\.[EW]\d{3})"', page_text(ROOT / "gemini_gateway" / "checks.py"))) == set()


def test_deployment_files_match_the_settings() -> None:
    nginx = page_text(ROOT / "deploy" / "nginx.conf")
    unit = page_text(ROOT / "deploy" / "gateway@.service")

    def number(pattern: str, text: str) -> int:
        found = re.search(pattern, text)
        assert found is not None, pattern
        return int(found[1])

    assert number(r"client_max_body_size (\d+)m;", nginx) * 1024 * 1024 == settings.MAX_BODY_BYTES
    assert number(r"proxy_read_timeout (\d+)s;", nginx) > settings.TOTAL_TIMEOUT
    assert number(r"TimeoutStopSec=(\d+)", unit) > settings.DRAIN_SECONDS


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("test_rule_007_empty_text", [7]),
        ("test_rule_21_identical", [21]),
        ("test_rules_25_and_39_both", [25, 39]),
        ("test_rules_044_to_046_all", [44, 45, 46]),
        ("test_rules_are_read", []),
        ("test_a_rule_7_in_the_middle", []),
    ],
)
def test_rule_numbers_in_test_names_exist(name: str, numbers: Sequence[int]) -> None:
    assert list(rule_tables.numbers_in(name)) == numbers


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({}, []),
        ({"reason": "Not yet."}, ["tests/a.py::test_rule_1_x"]),
        ({"reason": "Not yet.", "open": "All of it."}, []),
        ({"tests": ["tests/a.py::test_that_was_renamed"]}, []),
        ({"tests": ["tests/a.py::test_rule_1_x"]}, ["tests/a.py::test_rule_1_x"]),
    ],
    ids=["nothing", "reason beside a test", "reason beside what is open", "no such test", "listed and named"],
)
def test_the_table_of_rules_contradicts_no_test(row: dict[str, Any], named: list[str]) -> None:
    with pytest.raises(rule_tables.RuleTableError, match="rule 1"):
        rule_tables._rule({"number": 1, "says": "Something.", **row}, named, {"tests/a.py::test_rule_1_x"})
