"""The gain of each speed-up: `python -m benchmarks.tricks [NAME ...]`.

The gateway runs under `serve` twice, unchanged and without one trick, and both get the same load in turn. The gain is
the CPU per small request and per chunk without the trick, divided by the CPU with it. gemini_gateway/server/README.md
has the resulting table.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks import targets
from benchmarks.bench import Bench, Effort, question, running
from benchmarks.databases import databases
from benchmarks.report import table
from benchmarks.scenarios import CHUNKS_PER_SECOND, FIRST_CHUNK_MS, NEW_USER
from benchmarks.targets import Target

EFFORT = Effort(quick=True, seconds=900, rounds=int(os.environ.get("ROUNDS", "3")), window=1.5, stream_window=2.0)
UNARY_CLIENTS, STREAMS = 16, 200


def without_uvloop() -> None:
    """Run on asyncio's event loop; `serve_without` does so for this name."""


def without_gc_tuning() -> None:
    """Use the interpreter's defaults of garbage collector and allocator."""
    from gemini_gateway.server import gc_tuning

    gc_tuning.tune = lambda: None


def without_direct_request() -> None:
    """Let Daphne start the application."""
    from daphne.http_protocol import WebRequest

    from gemini_gateway.server.daphne_fast.request import DirectRequest

    DirectRequest.process = WebRequest.process


def without_direct_response() -> None:
    """Let Daphne and Twisted write responses."""
    from daphne.http_protocol import WebRequest

    from gemini_gateway.server.daphne_fast.response import DirectResponse

    DirectResponse.handle_reply = WebRequest.handle_reply
    DirectResponse.finish = WebRequest.finish


def without_direct_write() -> None:
    """Let Twisted buffer writes until the next iteration of the event loop."""
    from gemini_gateway.server.daphne_fast import writes

    writes.send_now = lambda transport, pieces: transport.writeSequence(pieces)


def without_receive_queue() -> None:
    """Give each request an asyncio.Queue."""
    import asyncio

    from gemini_gateway.server import daphne

    daphne.ReceiveQueue = asyncio.Queue  # type: ignore[misc,assignment]


def without_idle_sweep() -> None:
    """Use a Twisted timer for each timeout of a connection."""
    from twisted.protocols.policies import TimeoutMixin

    from gemini_gateway.server.daphne_fast.idle_timeouts import SweptTimeout

    for name in ("setTimeout", "resetTimeout"):
        setattr(SweptTimeout, name, getattr(TimeoutMixin, name))
    SweptTimeout.check_timeout = lambda _: None  # type: ignore[method-assign]


def without_lean_messages() -> None:
    """Create requests and responses with Django's own constructors."""
    from django.core.handlers.asgi import ASGIRequest
    from django.http import HttpResponse

    from api.http import asgi_handler, view

    class Request(ASGIRequest):
        """Django's request with the attributes that routing sets."""

        deployment = ""
        address_notes: tuple[Any, ...] = ()

    def made(scope: Any, body: bytes) -> Any:
        return Request(scope, BytesIO(body))

    asgi_handler.LeanRequest = made  # type: ignore[misc,assignment]
    view.LeanResponse = HttpResponse  # type: ignore[misc,assignment]


def without_direct_transport() -> None:
    """Call Gemini through aiohttp."""
    from api.gemini import client
    from api.gemini.aiohttp_transport import AiohttpTransport

    client._transport = lambda origin, seconds: AiohttpTransport(origin, connect_seconds=seconds)  # type: ignore[return-value]  # noqa: SLF001


def without_whole_events() -> None:
    """Decode each line of a stream by itself."""
    from api.gemini.sse import StreamDecoder

    StreamDecoder._whole_events = lambda *_: False  # type: ignore[method-assign]  # noqa: SLF001


TRICKS: dict[str, Callable[[], None]] = {
    "uvloop": without_uvloop,
    "gc_tuning": without_gc_tuning,
    "direct_request": without_direct_request,
    "direct_response": without_direct_response,
    "direct_write": without_direct_write,
    "receive_queue": without_receive_queue,
    "idle_sweep": without_idle_sweep,
    "lean_messages": without_lean_messages,
    "direct_transport": without_direct_transport,
    "whole_events": without_whole_events,
}


def serve_without(name: str) -> None:
    """Run `serve` in this process without one trick."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gemini_gateway.settings")
    if name != "uvloop":
        from gemini_gateway.server.event_loop import install_fast_loop

        install_fast_loop()
    import django
    from django.core.management import execute_from_command_line

    django.setup(set_prefix=False)
    TRICKS[name]()
    execute_from_command_line(["manage.py", "serve"])


def measure(bench: Bench, target: Target) -> None:
    """Load one target with small requests and with streams."""
    unary = bench.job(target, question(), user=NEW_USER, clients=UNARY_CLIENTS, window=bench.effort.window)
    bench.measure("unary", UNARY_CLIENTS, target, unary)
    chunks = 3 * CHUNKS_PER_SECOND
    bench.plan(chunks=chunks, first_chunk_ms=FIRST_CHUNK_MS, gap_ms=1000 / CHUNKS_PER_SECOND)
    stream = bench.job(
        target,
        question(),
        kind="stream",
        user=NEW_USER,
        clients=STREAMS,
        warm_up=2.0,
        window=bench.effort.stream_window,
        first_chunk_ms=FIRST_CHUNK_MS,
        chunks_per_stream=chunks,
    )
    bench.measure("streams", STREAMS, target, stream)


def cost(bench: Bench, scenario: str, target: Target) -> float:
    """Least microseconds of CPU per response or chunk: other work on the machine only adds to a round."""
    outcomes = [m.outcome for m in bench.measurements if m.scenario == scenario and m.target == target.name]
    return min(each.cpu_per_chunk if each.chunks else each.cpu_per_answer for each in outcomes)


def compare(name: str, folder: Path) -> list[str]:
    """Return the row of one trick."""
    with databases(folder) as made:
        direct = targets.upstream(folder)
        direct.start()
        try:
            bench = Bench(effort=EFFORT, folder=folder, databases=made, direct=direct)
            pair = []
            for label in ("with", f"without {name}"):
                database = made.make(label.replace(" ", "-"), "sqlite")
                target = targets.gateway(
                    "daphne", database=database, upstream_port=direct.port, log=folder, label=label
                )
                if label != "with":
                    target.make_command = lambda _: [sys.executable, "-m", "benchmarks.tricks", "--serve", name]
                pair.append(target)
            with running(bench, pair):
                for _ in bench.rounds(name):
                    for target in pair:
                        measure(bench, target)
            row = [f"`{name}`"]
            for scenario in ("unary", "streams"):
                kept, undone = (cost(bench, scenario, target) for target in pair)
                row += [f"{kept:.0f}", f"{undone:.0f}", f"{undone / kept - 1:+.0%}"]
            return row
        finally:
            direct.stop()


def main() -> None:
    """Measure the tricks that the command line names, or all."""
    if sys.argv[1:2] == ["--serve"]:
        serve_without(sys.argv[2])
        return
    rows = []
    for name in sys.argv[1:] or TRICKS:
        with tempfile.TemporaryDirectory(prefix="tricks-", ignore_cleanup_errors=True) as folder:
            rows.append(compare(name, Path(folder)))
        print(" | ".join(rows[-1]), file=sys.stderr)
    headings = ("trick", "request, us", "without", "gain", "chunk, us", "without", "gain")
    print(table(headings, rows))


if __name__ == "__main__":
    main()
