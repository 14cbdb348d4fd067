"""The event loop under Daphne: uvloop's if uvloop is installed, else asyncio's."""

import importlib.util
import subprocess
import sys

import pytest

WITHOUT_UVLOOP = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "uvloop" else found(name, package)
"""
LOOK = """
import sys
{before}
from gemini_gateway.server.event_loop import install_fast_loop
print(install_fast_loop())
import daphne.server
print(type(daphne.server.reactor._asyncioEventloop).__module__.partition(".")[0])
"""


def looked(before: str) -> list[str]:
    """Return the output of a new process: whether the loop was installed, and the module of the loop."""
    finished = subprocess.run([sys.executable, "-c", LOOK.format(before=before)], capture_output=True, check=True)
    return finished.stdout.decode().split()


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
def test_daphne_runs_on_uvloop() -> None:
    assert looked("") == ["True", "uvloop"]


def test_without_uvloop_daphne_chooses_the_loop() -> None:
    assert looked(WITHOUT_UVLOOP) == ["False", "asyncio"]


def test_an_installed_reactor_is_not_replaced() -> None:
    assert looked("import daphne.server") == ["False", "asyncio"]
