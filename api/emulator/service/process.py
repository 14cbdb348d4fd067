"""The emulator as a child process that ends with its parent."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[3]
START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0


class EmulatorFailed(Exception):
    """The emulator did not start; standard error has the reason."""


@dataclass(slots=True)
class EmulatorProcess:
    """A running emulator; a context manager that stops it."""

    base_url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Close the child's standard input, and kill the child if it does not exit in time."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def start_emulator(*, port: int = 0, tests: bool = False) -> EmulatorProcess:
    """Start the emulator on loopback and wait until it listens; `tests` makes it scriptable.

    The emulator runs without Django: it starts fast and needs no settings. Raises EmulatorFailed after
    START_TIMEOUT.
    """
    command = [sys.executable, "-m", "api.emulator.service.server", "--port", str(port)]
    command += ["--ready-line", "--exit-with-parent", *(["--scriptable"] if tests else [])]
    process = subprocess.Popen(  # noqa: S603  # our own module, no shell
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    # The timer kills a child that hangs before its ready line; the kill ends the wait below.
    guard = threading.Timer(START_TIMEOUT, process.kill)
    guard.start()
    try:
        line = process.stdout.readline() if process.stdout is not None else b""
    finally:
        guard.cancel()
    emulator = EmulatorProcess("", process)
    if not line:
        emulator.stop()
        raise EmulatorFailed(f"The Gemini emulator did not start (exit status {process.returncode}).")
    emulator.base_url = json.loads(line)["gemini_emulator"]
    return emulator
