"""Large bodies: they do not delay other requests, and the log reports a blocked event loop."""

import base64
import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import orjson
import pytest

from tests.live_gateway import LiveGateway
from tests.waiting import eventually

SIZE = 10 * 2**20
LONGEST = 0.25  # maximum delay of a request by the body of another, in seconds
PICTURE = f"data:image/png;base64,{base64.b64encode(os.urandom(SIZE * 3 // 4)).decode()}"
Messages = list[dict[str, Any]]
HI = {"role": "user", "content": "Hi"}
BODIES: dict[str, Messages] = {
    "one picture": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}],
    "one long text": [{"role": "user", "content": "word " * (SIZE // 5)}],
    "2,000 messages": [{"role": role, "content": "word " * (SIZE // 10_000)} for role in ("user", "assistant") * 999]
    + [HI],
    "openings of images": [{"role": "assistant", "content": "](data:image/png;base64,AAAA)" + "![" * 200_000}, HI],
}


class Waits:
    """The durations of consecutive requests to /healthz between `start` and `stop`."""

    def __init__(self, port: int) -> None:
        self.seconds: list[float] = []
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def start(self) -> None:
        """Send requests until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the requests."""
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._over.wait(0.01):
            begun = time.perf_counter()
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            self.seconds.append(time.perf_counter() - begun)
        connection.close()


@contextmanager
def waits(gateway: LiveGateway) -> Iterator[list[float]]:
    """Yield the durations of other requests while the block runs."""
    watched = Waits(gateway.port)
    watched.start()
    try:
        yield watched.seconds
    finally:
        watched.stop()


def ask(gateway: LiveGateway, messages: Messages) -> httpx2.Response:
    """Send a chat request."""
    body = orjson.dumps({"model": "gpt-4o", "messages": messages})
    headers = {"Content-Type": "application/json"}
    return httpx2.post(f"{gateway.base_url}/chat/completions", content=body, headers=headers, timeout=60)


@pytest.mark.parametrize("name", BODIES)
def test_a_large_body_does_not_delay_other_requests(gateway: LiveGateway, name: str) -> None:
    ask(gateway, [HI])
    with waits(gateway) as idle:
        time.sleep(1)

    with waits(gateway) as busy:
        response = ask(gateway, BODIES[name])

    assert response.status_code == 200, response.text[:500]
    # On a busy machine all clients wait.
    assert max(busy) <= LONGEST + 5 * max(idle), f"others waited {max(busy):.3f} s; {max(idle):.3f} s without the body"


@pytest.mark.parametrize("milliseconds", [1, 0])
def test_the_log_names_what_blocks_the_event_loop(django_db_setup: None, emulator_url: str, milliseconds: int) -> None:
    many = [{"role": "user", "content": f"message {number} " * 5} for number in range(2000)]
    with LiveGateway.start(upstream=emulator_url, settings={"LOOP_WATCHDOG_MS": str(milliseconds)}) as gateway:
        assert ask(gateway, many).status_code == 200
        line = "The event loop was blocked for "
        if milliseconds:
            eventually(lambda: line in gateway.log)
        assert (line in gateway.log) is bool(milliseconds)
        blocking = [entry for entry in gateway.log.splitlines() if line in entry]
        assert not any("message 7" in entry for entry in blocking)
