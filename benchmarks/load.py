"""The load generator: keep-alive connections on plain asyncio protocols, one process, one core.

`python -m benchmarks.load` reads a `Job` from stdin and writes an `Outcome`. It parses the minimum of a response: the
status, the end, and in streams the upstream's timestamps.
"""

import asyncio
import contextlib
import gc
import re
import sys
import time
from typing import cast

from benchmarks.job import SERIAL, SESSION, Job, Outcome, quantile
from benchmarks.loops import run
from benchmarks.processes import consumption

STAMP = re.compile(rb"@(\d{19})")
STAMP_BYTES = 20
HTTP_END = b"0\r\n\r\n"
DONE = b"data: [DONE]"
PAUSE_AFTER_BAD = 0.05


class Trial:
    """The shared state of a job's connections: the remaining requests and the measurements."""

    def __init__(self, job: Job) -> None:
        self.job = job
        body = job.body.encode()
        lines = [f"POST {job.path} HTTP/1.1", f"Host: 127.0.0.1:{job.port}", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}", *(f"{name}: {text}" for name, text in job.headers.items())]
        self.template = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        self.sent = 0
        self.finished = asyncio.Event()
        self.measuring = job.requests is not None
        self.stopped = False
        self.outcome = Outcome()
        self.latencies: list[float] = []
        self.lags: list[float] = []
        self.first_bytes: list[float] = []
        self.early_first_bytes: list[float] = []

    def next_request(self) -> bytes | None:
        """Return the bytes of the next request, None if no request remains."""
        job = self.job
        if self.stopped or (job.requests is not None and self.sent >= job.requests):
            return None
        serial = job.first_serial + self.sent
        self.sent += 1
        session = b"%012d" % (serial % job.sessions)
        return self.template.replace(SERIAL, b"%012d" % serial).replace(SESSION, session)

    def answered(self, *, milliseconds: float, problem: str = "") -> None:
        """Count one response or failure and its latency."""
        if self.stopped or not self.measuring:
            return
        outcome = self.outcome
        if problem:
            outcome.bad += 1
            outcome.first_bad = outcome.first_bad or problem[:300]
        else:
            outcome.answers += 1
            self.latencies.append(milliseconds)
        if self.job.requests is not None and outcome.answers + outcome.bad >= self.job.requests:
            self.finished.set()

    def summary(self) -> Outcome:
        """Return the outcome with its quantiles."""
        outcome = self.outcome
        for values in (self.latencies, self.lags, self.first_bytes, self.early_first_bytes):
            values.sort()
        outcome.latency_p50, outcome.latency_p99 = quantile(self.latencies, 0.5), quantile(self.latencies, 0.99)
        outcome.lag_p50, outcome.lag_p99 = quantile(self.lags, 0.5), quantile(self.lags, 0.99)
        # Streams that outlast the trial all start in the warm-up; their first bytes are the only ones.
        first_bytes = self.first_bytes or self.early_first_bytes
        outcome.first_byte_p50, outcome.first_byte_p99 = quantile(first_bytes, 0.5), quantile(first_bytes, 0.99)
        return outcome


class Client(asyncio.Protocol):
    """One connection: sends a request, reads its response, sends the next; reconnects after the server closed it."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.transport: asyncio.Transport | None = None
        self.received = b""
        self.sent_at = 0
        self.waiting = False

    async def connect(self) -> None:
        """Open the connection, which sends the first request."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self, "127.0.0.1", self.trial.job.port)
        except OSError as error:
            self.fail(f"cannot connect: {error}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = cast("asyncio.Transport", transport)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.transport = None
        if self.waiting:
            self.fail(f"connection lost: {exc}")
        elif not self.trial.stopped:
            self.again(0)

    def send(self) -> None:
        """Send the next request, if one remains."""
        request = self.trial.next_request()
        if request is None or self.transport is None:
            return
        self.received = b""
        self.waiting = True
        self.sent_at = time.monotonic_ns()
        self.transport.write(request)

    def finish(self, problem: str = "") -> None:
        """Count the complete response and send the next request."""
        self.waiting = False
        self.trial.answered(milliseconds=(time.monotonic_ns() - self.sent_at) / 1e6, problem=problem)
        if self.transport is None or self.transport.is_closing():
            return
        if problem:
            self.transport.abort()
        else:
            self.send()

    def fail(self, problem: str) -> None:
        """Count a failure and reconnect after a pause, so that a dead target is not flooded."""
        self.waiting = False
        self.trial.answered(milliseconds=0, problem=problem)
        self.again(PAUSE_AFTER_BAD)

    def again(self, seconds: float) -> None:
        """Reconnect after `seconds`."""
        if not self.trial.stopped:
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, lambda: loop.create_task(self.connect()))

    def data_received(self, data: bytes) -> None:
        """Read until the response is complete, by its Content-Length or its last chunk."""
        self.received = received = self.received + data if self.received else data
        head_end = received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = received[:head_end].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            complete = len(received) >= head_end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
        else:
            complete = received.endswith(HTTP_END)
        if complete:
            good = received[9:12] == b"200" and (b'"choices"' in received or b'"completed"' in received)
            self.finish("" if good else received.decode(errors="replace"))


class StreamClient(Client):
    """A connection that reads streams; each timestamp in a stream is a chunk."""

    def send(self) -> None:
        """Send the next request, if one remains."""
        self.seen = 0
        self.done = False
        super().send()

    def data_received(self, data: bytes) -> None:
        """Measure the timestamps, keep the bytes of a partial one, and detect the end."""
        now = time.monotonic_ns()
        received = self.received + data
        first = not self.seen
        if first and received[:5] == b"HTTP/" and received[9:12] != b"200":
            self.finish(received.decode(errors="replace"))
            return
        used = 0
        trial = self.trial
        for stamp in STAMP.finditer(received):
            used = stamp.end()
            self.seen += 1
            if trial.measuring:
                trial.lags.append((now - int(stamp[1])) / 1e6)
        if first and self.seen:
            first_bytes = trial.first_bytes if trial.measuring else trial.early_first_bytes
            first_bytes.append((now - self.sent_at) / 1e6 - trial.job.first_chunk_ms)
        self.done = self.done or DONE in received
        if received.endswith(HTTP_END):
            self.finish(self.what_is_missing())
        else:
            self.received = received[max(used, len(received) - STAMP_BYTES) :] if self.seen else received

    def what_is_missing(self) -> str:
        """Return the defect of an ended stream, "" for a complete one."""
        if not self.done and self.trial.job.ends_with_done:
            return f"no [DONE] after {self.seen} chunks: " + self.received.decode(errors="replace")
        expected = self.trial.job.chunks_per_stream
        return f"{self.seen} chunks of {expected}" if self.seen < expected else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Finish a response that ends with its connection."""
        if self.waiting and self.done:
            self.finish(self.what_is_missing())
        super().connection_lost(exc)


async def open_clients(trial: Trial) -> list[Client]:
    """Connect all clients: at once, or streams evenly over the warm-up."""
    job = trial.job
    clients: list[Client] = []
    for number in range(job.clients):
        client = StreamClient(trial) if job.kind == "stream" else Client(trial)
        clients.append(client)
        await client.connect()
        if job.kind == "stream" and number % 10 == 9:
            await asyncio.sleep(job.warm_up * 10 / job.clients)
    return clients


async def measure(job: Job) -> Outcome:
    """Run the job and return its outcome."""
    trial = Trial(job)
    memory_before = consumption(job.pid).resident_bytes
    if trial.measuring:
        before, upstream_before = consumption(job.pid), consumption(job.upstream_pid)
        started, own = time.monotonic(), time.process_time()
        clients = await open_clients(trial)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(trial.finished.wait(), job.limit)
    else:
        began = time.monotonic()
        clients = await asyncio.wait_for(open_clients(trial), job.limit)
        await asyncio.sleep(max(0.0, job.warm_up - (time.monotonic() - began)))
        before, upstream_before = consumption(job.pid), consumption(job.upstream_pid)
        started, own = time.monotonic(), time.process_time()
        trial.measuring = True
        await asyncio.sleep(job.window)
    after, upstream_after = consumption(job.pid), consumption(job.upstream_pid)
    outcome = trial.outcome
    outcome.seconds = time.monotonic() - started
    trial.stopped = True
    outcome.client_cpu = (time.process_time() - own) / outcome.seconds
    outcome.upstream_cpu = (upstream_after.cpu_seconds - upstream_before.cpu_seconds) / outcome.seconds
    outcome.cpu_us = (after.cpu_seconds - before.cpu_seconds) * 1e6
    outcome.memory_before, outcome.memory_after = memory_before, after.resident_bytes
    outcome.chunks = len(trial.lags)
    outcome.offered = job.clients * job.chunks_per_second * outcome.seconds if job.kind == "stream" else 0.0
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
    return trial.summary()


if __name__ == "__main__":
    gc.disable()
    print(run(measure(Job.from_json(sys.stdin.read()))).to_json())
