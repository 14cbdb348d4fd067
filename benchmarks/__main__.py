"""The command line: `python -m benchmarks [--quick] [--only unary,streams] [--no-peers] [--profile daphne]`."""

import argparse
import contextlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import goals, report, scenarios, targets
from benchmarks.bench import FULL, QUICK, Bench, pinned, running
from benchmarks.databases import Databases, databases
from benchmarks.targets import Target

RESULTS = Path(__file__).resolve().parent / "results"
SERVERS = ("daphne", "uvicorn")


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure the gateway and its peers on the same work."
    )
    parser.add_argument("--quick", action="store_true", help="under two minutes: SQLite, fewer cases, shorter trials")
    parser.add_argument("--only", default=",".join(scenarios.ALL), help=f"some of: {','.join(scenarios.ALL)}")
    parser.add_argument("--servers", default=",".join(SERVERS), help="the gateway's ASGI servers; empty: peers alone")
    parser.add_argument("--no-peers", action="store_true", help="the gateway alone")
    parser.add_argument("--no-postgres", action="store_true", help="SQLite alone")
    parser.add_argument("--profile", choices=SERVERS, help="say where the gateway's time goes, layer by layer")
    return parser.parse_args()


@contextlib.contextmanager
def bench_of(options: argparse.Namespace) -> Iterator[tuple[Bench, Databases]]:
    """Yield a run with its folder, its databases and its upstream; removes all of them at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name,
        databases(Path(name)) as made,
    ):
        direct = targets.upstream(Path(name))
        direct.start()
        try:
            yield Bench(effort=QUICK if options.quick else FULL, folder=Path(name), databases=made, direct=direct), made
        finally:
            direct.stop()


def chosen(options: argparse.Namespace, bench: Bench, made: Databases) -> list[Target]:
    """Return the targets of this run."""
    with_postgres = made.has_postgres and not options.quick and not options.no_postgres
    found = []
    for engine in ("sqlite", "postgres") if with_postgres else ("sqlite",):
        for server in filter(None, options.servers.split(",")):
            database = made.make(f"{server}-{engine}", engine)
            found.append(targets.gateway(server, database=database, upstream_port=bench.direct.port, log=bench.folder))
    if not options.no_peers:
        found.append(targets.relay(bench.direct.port, log=bench.folder))
        found += targets.installed_peers(bench.direct.port, log=bench.folder)
    return found


def compare(options: argparse.Namespace) -> None:
    """Run the scenarios, print their tables and write the JSON."""
    with bench_of(options) as (bench, made):
        with running(bench, chosen(options, bench, made)):
            names = [target.name for target in bench.targets]
            print(f"{', '.join(names)}; {pinned()}", file=sys.stderr)
            scenarios.run(bench, options.only.split(","))
        results = report.Results(bench.measurements)
        took = time.monotonic() - bench.began
        remarks = [*report.warnings(results), *(f"left out: {what}" for what in bench.left_out)]
    about = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {pinned()}, {took:.0f} s"
    print(f"# Benchmark\n\n{about}. Medians of {bench.effort.rounds} rounds, targets in turn.\n")
    print("\n\n".join(part for part in (goals.markdown(results), report.markdown(results)) if part))
    if remarks:
        print("\n## Remarks\n\n" + "\n".join(f"- {remark}" for remark in remarks))
    path = RESULTS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}{'-quick' if options.quick else ''}.json"
    report.write(path, results, about=about, remarks=remarks, goals=goals.verdicts(results))
    print(f"\nJSON: {os.path.relpath(path)}", file=sys.stderr)


def main() -> None:
    """Run the comparison or the profile."""
    options = arguments()
    if options.profile:
        from benchmarks import layers

        with bench_of(options) as (bench, made):
            print(layers.profile(bench, made, server=options.profile))
    else:
        compare(options)


if __name__ == "__main__":
    main()
