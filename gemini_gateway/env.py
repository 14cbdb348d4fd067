"""Typed reading of the environment and of the checkout's `.env`.

A bad value raises nothing here: the default applies, the problem is recorded with the variable's name, and the system
checks (`gemini_gateway.checks`) prevent the start with a hint.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import ClassVar

import environ

TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
FALSE = frozenset({"0", "false", "no", "off", "n", "f", ""})
ASSIGNMENT = re.compile(r"(?:export )?(\w+)=", re.ASCII)
PLAIN_NAME = re.compile(r"[A-Z][A-Z0-9_]*|[a-z][a-z0-9_]*", re.ASCII)
DATABASE_SCHEMES = ("sqlite://", "postgres://", "postgresql://")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, slots=True)
class EnvironmentProblem:
    """A variable with an invalid value, and the reason; without the value, which may be a secret.

    `name` is empty if the `.env` file itself is invalid.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"The setting {self.name} {self.reason}." if self.name else f"{self.reason}."


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A line of `.env` with a name that no setting has. `suggestion` is the most similar known name, or "".

    `name` is empty if the line may be a secret: a key pasted without its name also ends in "=".
    """

    file: Path
    line: int
    name: str
    suggestion: str

    def __str__(self) -> str:
        return f"{self.name or 'The name'} in line {self.line} of {self.file} is not a setting and has no effect."


class Environment:
    """The process environment over a `.env` file (the process takes precedence), read by name and type.

    `read` lists the names of all reads, for a test against `.env.example`; `problems` lists the invalid values. The
    file's values never reach `os.environ`, where a library could use a key that the operator meant for another purpose.
    """

    def __init__(self, dotenv: Path) -> None:
        self.read: set[str] = set()
        self.problems: list[EnvironmentProblem] = []
        self._dotenv = dotenv
        self._lines: dict[str, int] = {}

        class Values(environ.Env):  # type: ignore[misc]  # read_env fills a class attribute: keep it local
            ENVIRON: ClassVar[dict[str, str]] = dict(os.environ)

        if dotenv.is_file():
            Values.read_env(StringIO(self._assignments(dotenv)))
        self._values = Values.ENVIRON

    def unknown(self) -> list[UnknownName]:
        """The file's names without a setting; call it after reading all settings."""
        return [
            UnknownName(
                self._dotenv,
                line,
                name if PLAIN_NAME.fullmatch(name) else "",
                "".join(get_close_matches(name.upper(), self.read, n=1, cutoff=0.75)),
            )
            for name, line in self._lines.items()
            if name not in self.read
        ]

    def text(self, name: str, default: str = "") -> str:
        """The variable without surrounding blanks; an empty one counts as absent."""
        self.read.add(name)
        return self._values.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean: 1/true/yes/on or 0/false/no/off, in any case."""
        word = self.text(name).lower()
        if not word:
            return default
        if word in TRUE:
            return True
        if word not in FALSE:
            self._problem(name, "is not a switch (use 1 or 0)")
            return default
        return False

    def whole(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        """An integer within bounds; `1_000_000` is accepted."""
        word = self.text(name)
        try:
            number = int(word) if word else default
        except ValueError:
            self._problem(name, "is not a whole number")
            return default
        return int(self._bounded(name, number, default, least=least, most=most))

    def seconds(self, name: str, default: float, *, least: float = 0.0) -> float:
        """A duration in seconds, with fractions."""
        word = self.text(name)
        try:
            number = float(word) if word else default
        except ValueError:
            self._problem(name, "is not a number of seconds")
            return default
        return self._bounded(name, number, default, least=least, most=None)

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A comma-separated list without empty items."""
        items = [item.strip() for item in self.text(name).split(",") if item.strip()]
        return items or list(default)

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of a closed set of values, in any case."""
        word = self.text(name, default)
        for option in allowed:
            if option.lower() == word.lower():
                return option
        self._problem(name, f"is not one of {', '.join(allowed)}")
        return default

    def secret(self, name: str) -> str:
        """A secret by value (`NAME`) or from a file with nothing else in it (`NAME_FILE`); "" without one."""
        path = self.text(f"{name}_FILE")
        direct = self.text(name)
        if direct or not path:
            return direct
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            self._problem(f"{name}_FILE", f"cannot be read ({type(fault).__name__})")
            return ""

    def database(self, name: str, default: str) -> dict[str, object]:
        """The URL of a PostgreSQL database or an SQLite file, as an entry of Django's DATABASES."""
        url = self.text(name, default)
        parsed: dict[str, object] = {}
        # Other schemes are not parsed: django-environ would print the URL, which may contain a password.
        if url.startswith(DATABASE_SCHEMES):
            try:
                parsed = dict(environ.Env.db_url_config(url))
            except (ValueError, KeyError, TypeError, environ.ImproperlyConfigured):
                parsed = {}
        # In memory, each thread would have a database of its own.
        if parsed.get("NAME") not in {None, "", ":memory:"}:
            return parsed
        self._problem(
            name, "is not a valid URL, e.g. postgres://user:password@host:5432/name or sqlite:////path/to/file"
        )
        return dict(environ.Env.db_url_config(default))

    def redis(self, name: str) -> str:
        """The URL of a Redis server; "" without one."""
        url = self.text(name)
        if url and not url.startswith(REDIS_SCHEMES):
            self._problem(name, "is not a valid URL, e.g. redis://host:6379/0")
            return ""
        return url

    def _assignments(self, dotenv: Path) -> str:
        """The file's assignments. django-environ would print all other lines, and with them a bare key."""
        try:
            lines = dotenv.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as fault:
            self._problem("", f"{dotenv} cannot be read ({type(fault).__name__})")
            return ""
        set_here = []
        for number, line in enumerate(lines, start=1):
            if assignment := ASSIGNMENT.match(line):
                set_here.append(line)
                self._lines[assignment[1]] = number
            elif line.strip() and not line.lstrip().startswith("#"):
                self._problem("", f"Line {number} of {dotenv} is not NAME=value, without spaces around =")
        return "\n".join(set_here)

    def _bounded(self, name: str, number: float, default: float, *, least: float, most: float | None) -> float:
        if number >= least and (most is None or number <= most):
            return number
        bounds = f"at least {least}" if most is None else f"between {least} and {most}"
        self._problem(name, f"must be {bounds}")
        return default

    def _problem(self, name: str, reason: str) -> None:
        self.problems.append(EnvironmentProblem(name, reason))
