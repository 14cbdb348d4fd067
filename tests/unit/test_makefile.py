"""`make` repairs an incomplete environment."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server_process import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make is installed")


@pytest.mark.parametrize("stamp", [".venv/.runtime", ".venv/.development"])
def test_an_environment_without_pip_gets_pip(tmp_path: Path, stamp: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for requirements in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / requirements).write_text("# nothing\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=tmp_path, check=True)
    python = tmp_path / ".venv/bin/python"
    without = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
    assert without.returncode != 0

    made = subprocess.run(["make", stamp, f"PYTHON={sys.executable}"], cwd=tmp_path, capture_output=True, check=False)

    assert made.returncode == 0, made.stderr
    assert (tmp_path / stamp).exists()
    subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=True)
