"""A CPU sampler of a program's event loop: `python -m benchmarks.sampler OUT manage.py serve`.

SIGUSR1 starts the sampling; SIGUSR2 stops it and writes JSON to OUT. A timer on the thread's own CPU clock
(timer_create(2), whose default signal is SIGALRM) runs only while that thread works: waiting costs no samples, and
other threads get none. For other threads the kernel's CPU count is reported.
"""

import ctypes
import json
import runpy
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from benchmarks.processes import TICKS_PER_SECOND

CLOCK_THREAD_CPUTIME_ID = 3
INTERVAL_NS = 1_000_000

LAYERS = (
    ("/site-packages/daphne/", "daphne"),
    ("/site-packages/twisted/", "twisted"),
    ("/site-packages/uvicorn/", "uvicorn"),
    ("/site-packages/django/db/", "django: database"),
    ("/site-packages/django/core/handlers/", "django: handler"),
    ("/site-packages/django/http/", "django: request, response"),
    ("/site-packages/django/", "django: the rest"),
    ("/site-packages/rest_framework/", "rest_framework"),
    ("/site-packages/google/genai/", "google.genai"),
    ("/site-packages/aiohttp/", "aiohttp"),
    ("/site-packages/multidict/", "aiohttp"),
    ("/site-packages/yarl/", "aiohttp"),
    ("/site-packages/pydantic", "pydantic"),
    ("/site-packages/asgiref/", "asgiref"),
    ("/site-packages/psycopg", "psycopg"),
    ("/asyncio/", "asyncio: sockets, tasks"),
    ("/selectors.py", "asyncio: sockets, tasks"),
    ("/benchmarks/", "event loop"),
    ("/sessions_store/", "sessions_store"),
    ("/gemini_gateway/", "gemini_gateway"),
    ("/api/views/", "api.views"),
    ("/api/openai/", "api.openai"),
    ("/api/translate/", "api.translate"),
    ("/api/gemini/", "api.gemini"),
    ("/api/exchange", "api.exchange"),
    ("/api/", "api: the rest"),
)
"""(path fragment, layer), first match; a function without a match (json, re, ...) counts for its caller."""


class IntervalSpec(ctypes.Structure):
    """struct itimerspec of timer_settime(2)."""

    _fields_ = (
        ("every_s", ctypes.c_long),
        ("every_ns", ctypes.c_long),
        ("first_s", ctypes.c_long),
        ("first_ns", ctypes.c_long),
    )


class Sampler:
    """Counts samples by layer and by function."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.layer_of: dict[CodeType, str | None] = {}
        self.layers: Counter[str] = Counter()
        self.functions: Counter[tuple[str, str]] = Counter()
        self.began: dict[str, float] = {}
        self.ticking = False

    def tick(self, _signal: int, frame: FrameType | None) -> None:
        """Count one sample for the innermost function with a layer."""
        while frame is not None:
            layer = self.layer(frame.f_code)
            if layer is not None:
                self.layers[layer] += 1
                self.functions[layer, f"{Path(frame.f_code.co_filename).name}: {frame.f_code.co_qualname}"] += 1
                return
            frame = frame.f_back
        self.layers["event loop"] += 1

    def layer(self, code: CodeType) -> str | None:
        """Return the layer of a function, None without one."""
        if code not in self.layer_of:
            found = (layer for fragment, layer in LAYERS if fragment in code.co_filename)
            self.layer_of[code] = next(found, None)
        return self.layer_of[code]

    def begin(self, _signal: int, _frame: FrameType | None) -> None:
        """Reset the counts; the first call also sets the timer of the main thread."""
        self.layers.clear()
        self.functions.clear()
        self.began = thread_seconds()
        if self.ticking:
            return
        self.ticking = True
        signal.signal(signal.SIGALRM, self.tick)
        libc = ctypes.CDLL(None, use_errno=True)
        timer = ctypes.c_void_p()
        spec = IntervalSpec(0, INTERVAL_NS, 0, INTERVAL_NS)
        if libc.timer_create(CLOCK_THREAD_CPUTIME_ID, None, ctypes.byref(timer)) or libc.timer_settime(
            timer, 0, ctypes.byref(spec), None
        ):
            raise OSError(ctypes.get_errno(), "no CPU timer")

    def end(self, _signal: int, _frame: FrameType | None) -> None:
        """Write the counts since `begin`."""
        threads = {name: seconds - self.began.get(name, 0.0) for name, seconds in thread_seconds().items()}
        functions = [[layer, function, count] for (layer, function), count in self.functions.most_common(40)]
        text = json.dumps({"layers": self.layers, "functions": functions, "threads": threads})
        part = self.out.with_suffix(".part")
        part.write_text(text)
        part.rename(self.out)


def thread_seconds() -> dict[str, float]:
    """Return the CPU seconds of this process's threads by name, summed for equal names."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    seconds: Counter[str] = Counter()
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        seconds[names.get(int(task.name), "not Python's")] += (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND  # type: ignore[assignment]
    return dict(seconds)


def main() -> None:
    """Run the program of the command line as Python itself would."""
    out, *program = sys.argv[1:]
    sampler = Sampler(Path(out))
    signal.signal(signal.SIGUSR1, sampler.begin)
    signal.signal(signal.SIGUSR2, sampler.end)
    if program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main()
