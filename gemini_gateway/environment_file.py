"""Environment files of systemd (`EnvironmentFile=`), for commands run outside of the units.

A shell reads such a file differently: `&` and `$` in a database's URL, blanks, single quotes. The grammar is that of
systemd's parser (https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=). `python
-m gemini_gateway.environment_file FILE COMMAND...` runs a command with the file's variables.
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_LINE: Final = re.compile(r"[^\n\r]*")
_KEY: Final = re.compile(r"([^=\n\r]*)=")
_SPACE: Final = re.compile(r"[ \t]*")
_SINGLE: Final = re.compile(r"'([^']*)(?:'|\Z)")
_DOUBLE: Final = re.compile(r'"((?:\\[\s\S]|[^"\\])*)(?:"|\\?\Z)')
_PLAIN: Final = re.compile(r"((?:\\(?:[\s\S]|\Z)|[^\\\n\r])*?)[ \t]*(?=[\n\r]|\Z)")
_ESCAPE: Final = re.compile(r"\\([\s\S]|\Z)")

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def parse_environment(text: str) -> dict[str, str]:
    """Return the file's variables, without those that systemd ignores: invalid names, control characters."""
    return {
        name: value for name, value in _assignments(text) if _NAME.fullmatch(name) and _CONTROL.search(value) is None
    }


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    at = _match(_BLANK, text, 0).end()
    while at < len(text):
        key = None if text[at] in "#;" else _KEY.match(text, at)
        if key is None:  # a comment, or a line without an assignment
            at = _match(_LINE, text, at).end()
        else:
            value, at = _value(text, key.end())
            yield key[1].rstrip(" \t"), value
        at = _match(_BLANK, text, at).end()


def _value(text: str, at: int) -> tuple[str, int]:
    """Return the value at position `at` and its end: quoted sections, then an unquoted section."""
    value = ""
    while True:
        at = _match(_SPACE, text, at).end()
        if (single := _SINGLE.match(text, at)) is not None:
            value, at = value + single[1], single.end()
        elif (double := _DOUBLE.match(text, at)) is not None:
            value, at = value + _ESCAPE.sub(_within_quotes, double[1]), double.end()
        else:
            plain = _match(_PLAIN, text, at)
            return value + _ESCAPE.sub(_without_quotes, plain[1]), plain.end()


def _within_quotes(escape: re.Match[str]) -> str:
    """Return the meaning of a backslash escape in double quotes."""
    if escape[1] in ('"', "\\", "`", "$"):
        return escape[1]
    return "" if escape[1] == "\n" else escape[0]


def _without_quotes(escape: re.Match[str]) -> str:
    """Return the meaning of a backslash escape outside of quotes."""
    return "" if escape[1] in ("\n", "\r") else escape[1]


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    """Return the match of a pattern that matches at every position."""
    found = pattern.match(text, at)
    assert found is not None  # noqa: S101 - each of them may be empty
    return found


def main(arguments: Sequence[str]) -> None:
    """Replace this process by the command, with the file's variables over the environment's; an absent file sets
    none.
    """
    file, *command = arguments
    variables: dict[str, str] = {}
    if Path(file).exists():
        variables = parse_environment(Path(file).read_text(encoding="utf-8"))
    os.execvpe(command[0], command, {**os.environ, **variables})  # noqa: S606 - the caller's own command


if __name__ == "__main__":
    main(sys.argv[1:])
