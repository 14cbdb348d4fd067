"""How much memory this process may use: the least of the machine's, a container's limit and the process's own."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CGROUPS: Final = Path("/sys/fs/cgroup")
OWN_GROUP: Final = Path("/proc/self/cgroup")
UNKNOWN: Final = 2 * 2**30  # on systems that do not tell


def usable_memory() -> int:
    """Return a number of bytes."""
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
        if text.isdecimal() and int(text):  # "max" is no limit
            yield int(text)


def _cgroup_files() -> Iterator[Path]:
    """Yield the files that hold limits of control groups, version 1 and 2, from the process's own group upwards
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
