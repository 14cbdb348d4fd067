"""A Redis server of a test's own: it may be stopped and killed."""

import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis

from tests.waiting import eventually

needs_redis_server = pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server is installed")


class RedisServer:
    """A server on a Unix socket in a folder."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"

    def start(self) -> Self:
        """Start it and wait until it responds."""
        options = ("--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no")
        self.process = subprocess.Popen(
            ("redis-server", *options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.client = redis.Redis.from_url(self.url)
        eventually(self._responds)
        return self

    def _responds(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def freeze(self) -> None:
        """Stop it: it accepts connections, and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue it."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.kill()
