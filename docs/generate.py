"""Generator of docs/compatibility.md, docs/openapi.json and docs/settings.md.

Sources are the tables that the code itself uses, `.env.example`, docs/rules.toml, docs/clients.toml and the names of
the tests. `make docs` writes the files; `--check` fails if one is stale, and so does a test.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from compatibility_page import compatibility
from rule_tables import table

ROOT: Final = Path(__file__).resolve().parent.parent
SETTINGS: Final = ROOT / "docs" / "settings.md"
COMPATIBILITY: Final = ROOT / "docs" / "compatibility.md"
OPENAPI: Final = ROOT / "docs" / "openapi.json"
ENV_EXAMPLE: Final = ROOT / ".env.example"

SETTINGS_HEAD: Final = """# Settings

Generated from [.env.example](../.env.example) by docs/generate.py.

Settings are read from the environment or `.env`; the environment has precedence. Secrets can also be read from a file,
named by `..._FILE`, that contains only the secret. Durations are in seconds.
"""


def settings_table(example: str) -> str:
    """Return `.env.example` as a Markdown table: settings that share a comment share a row."""
    rows: list[tuple[list[str], list[str]]] = []
    comments: list[str] = []
    section = ""
    for line in example.splitlines():
        if title := re.fullmatch(r"# --- (.*) ---", line):
            section, comments = title[1], []
            rows.append(([f"**{section}**"], [""]))
        elif found := re.fullmatch(r"#([A-Z0-9_]+)=(.*)", line):
            if comments:
                rows.append(([], [" ".join(comments)]))
                comments = []
            rows[-1][0].append(f"`{found[1]}={found[2]}`" if found[2] else f"`{found[1]}`")
        elif line.startswith("# ") and section:
            comments.append(line.removeprefix("# ").replace(" (*)", ""))
    return table(["Setting and default", "Meaning"], [["<br>".join(names), *said] for names, said in rows])


def settings_page() -> str:
    """Return docs/settings.md."""
    return f"{SETTINGS_HEAD}\n{settings_table(ENV_EXAMPLE.read_text(encoding='utf-8'))}"


def generated() -> dict[Path, str]:
    """Return the path and the current text of every generated file."""
    from api.openapi.document import text

    return {COMPATIBILITY: compatibility(), OPENAPI: text(), SETTINGS: settings_page()}


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with `--check` report the stale ones; return the exit code."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gemini_gateway.settings")
    import django

    django.setup()
    stale = [
        path for path, text in generated().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run make docs\n")
        return 1 if stale else 0
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
