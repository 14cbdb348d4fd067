"""A client program in a child process: started once, it reads one task per line and writes one line of JSON."""

import json
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# The environment of the run must not influence a client, and no client may send telemetry.
QUIET = {
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LLAMA_INDEX_CACHE_DIR": tempfile.gettempdir(),
    "NO_PROXY": "127.0.0.1",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "PYTHONWARNINGS": "ignore",
}
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


def client_environment() -> dict[str, str]:
    """Return the environment of a client's process."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | QUIET


class ClientProcess:
    """A running client program."""

    def __init__(self, command: Sequence[str], *, cwd: Path) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process
        self._answers: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=client_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def run(self, task: str, ask: Mapping[str, str], *, timeout: float = 60.0) -> dict[str, Any]:
        """Return the client's result of a task; AssertionError with its output after a failure or the timeout."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"task": task, **ask}) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=timeout)
        except (BrokenPipeError, queue.Empty):
            line = ""
        assert line, f"no answer to {task!r}; the client said:\n{self._said()}"
        response: dict[str, Any] = json.loads(line)
        assert "error" not in response, response["error"]
        return response

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        self._errors.close()
