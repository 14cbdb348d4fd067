"""The memory available to this process: the minimum of the machine's, the container's limit and the process's limit."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CGROUPS: Final = Path("/sys/fs/cgroup")
OWN_GROUP: Final = Path("/proc/self/cgroup")
UNKNOWN: Final = 2 * 2**30  # for systems without a readable limit


def usable_memory() -> int:
    """Return the available memory in bytes."""
    return min(_limits(), default=UNKNOWN)


def _limits() -> Iterator[int]:
    try:
        import resource
    except ImportError:  # Windows
        return
    yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            yield soft
    for file in _cgroup_files():
        try:
            text = file.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal() and int(text):  # "max" means no limit
            yield int(text)


def _cgroup_files() -> Iterator[Path]:
    """Yield the files with control group limits, version 1 and 2, from the process's own group upwards
    (https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files).
    """
    try:
        lines = OWN_GROUP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            folder, name = CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        parts = [part for part in group.split("/") if part not in {"", ".."}]
        for length in range(len(parts), -1, -1):
            yield folder.joinpath(*parts[:length], name)
