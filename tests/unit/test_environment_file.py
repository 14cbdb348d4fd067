"""The environment file of the systemd units is parsed like systemd does, also by deploy/manage."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gemini_gateway.environment_file import parse_environment
from tests.server_process import ROOT

URL = "postgres://gateway:p$w'd@db.example.com:5432/gateway?connect_timeout=5&tcp_user_timeout=10000"

# The second half is from systemd's own tests (src/test/test-env-file.c).
FILES: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    (f"DATABASE_URL={URL}\nPORT=1", {"DATABASE_URL": URL, "PORT": "1"}),
    ('A="x & y; z" # no comment\n', {"A": "x & y; z# no comment"}),
    ("A=x # no comment\n", {"A": "x # no comment"}),
    ("  # comment\n\t; comment=1\nA=1\n", {"A": "1"}),
    ("# comment \\\nA=1\n", {"A": "1"}),
    (" A = two words \t\r\nB=2\r\n", {"A": "two words", "B": "2"}),
    ("A='$HOME `id` \\' B\n", {"A": "$HOME `id` \\B"}),
    ("A=\"\\$HOME \\`id\\` \\\\ \\\" \\n\"\n", {"A": '$HOME `id` \\ " \\n'}),
    ("A='two\nlines'\"\n\"three\n", {"A": "two\nlines\nthree"}),
    ('A=it"s\n', {"A": 'it"s'}),
    ("A=$B ${C} $(id)\n", {"A": "$B ${C} $(id)"}),
    ("A=1\nA=2\n", {"A": "2"}),
    ("export A=1\nB-C=1\n=1\nD\n1E=1\n_F=ü\n", {"_F": "ü"}),
    ("A=a\x01b\nB='a\tb'\n", {"B": "a\tb"}),
    ("A='never closed\nB=1", {"A": "never closed\nB=1"}),
    ("A=\\\\  \n", {"A": "\\"}),
    ("a=a\nb=b\\\nc\nd= d\\\ne  \\\nf  \ng=g\\ \nh= ąęół\\ śćńźżμ \ni=i\\", {
        "a": "a", "b": "bc", "d": "de  f", "g": "g ", "h": "ąęół śćńźżμ", "i": "i",
    }),
    ("a=a\\\n", {"a": "a"}),
    ("a=\nb=", {"a": "", "b": ""}),
    ("a=\\ \\n \\t \\x \\y \\' \nb= \\$'       \nc= ' \\n\\t\\$\\`\\\\\n'   \nd= \" \\n\\t\\$\\`\\\\\n\"   \n", {
        "a": " n t x y '", "b": "$'", "c": " \\n\\t\\$\\`\\\\\n", "d": " \\n\\t$`\\\n",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("text", "variables"), FILES, ids=[str(number) for number in range(len(FILES))])
def test_a_file_is_read_as_systemd_reads_it(text: str, variables: dict[str, str]) -> None:
    assert parse_environment(text) == variables


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    """Substitutes for programs that need root: `runuser` runs its command as the current user."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in {
        "runuser": 'shift 3; exec "$@"',
        "install": f'echo "$@" >{tmp_path}/installed',
    }.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(stat.S_IRWXU)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose manage.py prints its arguments and its environment."""
    folder = tmp_path / "checkout"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    (folder / "gemini_gateway").symlink_to(ROOT / "gemini_gateway")
    (folder / "manage.py").write_text("import json, os, sys\nprint(json.dumps([sys.argv[1:], dict(os.environ)]))\n")
    return folder


@pytest.mark.parametrize("present", [True, False])
def test_deploy_manage_passes_the_variables(tmp_path: Path, bin_directory: Path, checkout: Path, present: bool) -> None:
    file = tmp_path / "environment"
    if present:
        file.write_text(f"# The database\nDATABASE_URL={URL}\nDATA_DIR='/srv/with blank'\nTLS=1\n")
    environment = {
        "PATH": f"{bin_directory}:{os.environ['PATH']}",
        "GATEWAY_CHECKOUT": str(checkout),
        "GATEWAY_ENVIRONMENT": str(file),
    }

    ran = subprocess.run(
        [str(ROOT / "deploy/manage"), "forget_old", "--days", "3 4"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    arguments, seen = json.loads(ran.stdout)
    assert arguments == ["forget_old", "--days", "3 4"]
    assert seen.get("DATABASE_URL") == (URL if present else None)
    data = "/srv/with blank" if present else "/var/lib/gateway"
    assert seen["DATA_DIR"] == data
    assert (tmp_path / "installed").read_text().rstrip("\n").endswith(f"-m 0700 {data}")
    assert ran.stderr == ""
