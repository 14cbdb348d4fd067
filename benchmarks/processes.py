"""Processes of a run: pinned to one core, measured through /proc (Linux), ended with all their children."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
OPEN_FILES_WANTED = 16_384

cores = sorted(os.sched_getaffinity(0))
CLIENT_CORE = cores[0]
"""The core of the load generator and the fake upstream."""
SERVER_CORE = cores[-1]
"""The core of the gateway or the peer; equal to CLIENT_CORE on a machine with one core."""


def settle(core: int) -> None:
    """Pin the child process to one core, and raise its limit of open files. Runs in the child before its program."""
    import resource

    os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(OPEN_FILES_WANTED, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def start(
    command: Sequence[str],
    *,
    core: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program on `core` in its own process group, with its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=folder,
            start_new_session=True,
            preexec_fn=partial(settle, core),  # noqa: PLW1509 - this process has one thread
        )


def stop(process: subprocess.Popen[bytes], *, patience: float = 10.0) -> None:
    """Send SIGTERM to the program, and after `patience` seconds SIGKILL to its process group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tree(root: int) -> list[int]:
    """Return a process and all its living descendants."""
    found = [root]
    for pid in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found.extend(int(child) for child in (task / "children").read_text().split())
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """The use of a process tree: CPU seconds since its start, resident bytes now."""

    cpu_seconds: float
    resident_bytes: int


def consumption(root: int) -> Consumption:
    """Return the CPU (ended children included) and the resident memory of a process tree."""
    ticks = pages = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # proc(5): fields 14 to 17 are utime, stime, cutime, cstime; `fields` begins with the third.
            ticks += sum(int(field) for field in fields[11:15])
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Consumption(cpu_seconds=ticks / TICKS_PER_SECOND, resident_bytes=pages * PAGE_BYTES)
