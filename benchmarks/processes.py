"""Processes of a run: started on one core, watched through /proc (Linux), ended with all their children."""

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
"""Where the load generator and the fake upstream run."""
SERVER_CORE = cores[-1]
"""Where the gateway or the peer under test runs; the same as CLIENT_CORE on a machine with one core."""


def settle(core: int) -> None:
    """Runs in the child before its program starts: one core, room for a thousand sockets."""
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
    """Start a program on `core` in its own process group, its output appended to `log`."""
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
    """SIGTERM to the program, and after `patience` seconds SIGKILL to its whole group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tree(root: int) -> list[int]:
    """The process and all its living descendants."""
    found = [root]
    for pid in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found.extend(int(child) for child in (task / "children").read_text().split())
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """What a process tree has used so far: CPU seconds since its start, resident bytes now."""

    cpu_seconds: float
    resident_bytes: int


def consumption(root: int) -> Consumption:
    """Read CPU (with that of children already waited for) and resident memory of a process tree."""
    ticks = pages = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # proc(5): fields 14 to 17 are utime, stime, cutime, cstime; those before the third are cut off.
            ticks += sum(int(field) for field in fields[11:15])
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Consumption(cpu_seconds=ticks / TICKS_PER_SECOND, resident_bytes=pages * PAGE_BYTES)
