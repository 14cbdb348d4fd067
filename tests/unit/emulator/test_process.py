"""The emulator as a program: the listening address, the access to the script, and the exit with the parent."""

import io
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from api.emulator.service.process import ROOT, EmulatorFailed, start_emulator
from api.emulator.service.server import base_url


def status(url: str) -> int:
    """Return the HTTP status of a GET, or 0 if no server listens."""
    request = urllib.request.Request(url, headers={"x-goog-api-key": "k"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return 0


def test_the_emulator_serves_until_stopped_and_is_not_scriptable_by_default() -> None:
    with start_emulator() as emulator:
        assert status(f"{emulator.base_url}/v1beta/models") == 200
        assert status(f"{emulator.base_url}/_emulator/requests") == 404
    assert emulator.process.returncode == 0
    assert status(f"{emulator.base_url}/v1beta/models") == 0


def test_the_emulator_ends_when_its_parent_is_killed() -> None:
    script = (
        "import sys; from api.emulator.service.process import start_emulator\n"
        "emulator = start_emulator(); print(emulator.process.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        # The child inherited the pipe's other end: the read ends only after the child's exit.
        parent.wait(5)
    for _ in range(500):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text("ascii").split()[2]:
            break
        os.sched_yield()
        signal.sigtimedwait([], 0.01)
    else:
        pytest.fail("the emulator outlived its parent")


def test_a_port_in_use_is_an_error() -> None:
    with start_emulator() as emulator, pytest.raises(EmulatorFailed):
        start_emulator(port=int(emulator.base_url.rsplit(":", 1)[1]))


def test_a_scriptable_emulator_stays_on_loopback() -> None:
    with pytest.raises(CommandError, match="loopback"):
        call_command("gemini_emulator", "--scriptable", "--host", "0.0.0.0", stdout=io.StringIO())  # noqa: S104


def test_the_base_url_has_brackets_for_ipv6() -> None:
    assert (base_url("127.0.0.1", 80), base_url("::1", 80)) == ("http://127.0.0.1:80", "http://[::1]:80")
