"""The gateway in a child process: `manage.py serve`, or with GATEWAY_TEST_SERVER=uvicorn the same application under
uvicorn, started like in the README. With GATEWAY_TEST_REDIS_URL it uses Redis.
"""

import math
import os
import signal
import sys
from collections.abc import Mapping
from typing import Self

import pytest

from tests.server_process import ServerProcess

SERVE = (sys.executable, "manage.py", "serve", "--port", "0")
UVICORN = (
    *(sys.executable, "-m", "uvicorn", "--port", "0"),
    "gemini_gateway.asgi:application",
    "--no-proxy-headers",
    "--no-access-log",
    *("--ws-max-size", "20971520"),
    "--timeout-graceful-shutdown",  # uvicorn's drain time; the value in whole seconds follows
)
UNDER_UVICORN = os.environ.get("GATEWAY_TEST_SERVER") == "uvicorn"


def by_serve(duty: str) -> pytest.MarkDecorator:
    """Mark a test of a feature that only `manage.py serve` has; `duty` is the reason."""
    return pytest.mark.skipif(UNDER_UVICORN, reason=f"only serve: {duty}")


class LiveGateway(ServerProcess):
    """A running gateway. `base_url` is the base URL for an OpenAI client (it ends in /v1), `origin` the address alone,
    `log` the output so far.
    """

    base_url: str

    @classmethod
    def start(cls, *, upstream: str, settings: Mapping[str, str] | None = None) -> Self:
        """Start a gateway with `upstream` as its Gemini, and further environment variables in `settings`."""
        environment = {
            "GEMINI_API_KEY": "AIza-a-key-for-tests-only-000000",
            "GEMINI_BASE_URL": upstream,
            "DRAIN_SECONDS": "5",
            "REDIS_URL": os.environ.get("GATEWAY_TEST_REDIS_URL", ""),
            **(settings or {}),
        }
        if UNDER_UVICORN:
            seconds = str(math.ceil(float(environment["DRAIN_SECONDS"])))
            ready = r"Uvicorn running on http://127\.0\.0\.1:(\d+)"
            server = cls((*UVICORN, seconds), ready=ready, environment=environment)
        else:
            server = cls(SERVE, ready=r"OpenAI API +http://127\.0\.0\.1:(\d+)/v1", environment=environment)
        server.base_url = f"{server.origin}/v1"
        return server

    def ended_well(self, timeout: float = 20.0) -> bool:
        """Return whether the server exited in order after SIGTERM. uvicorn shuts down and then exits by the signal."""
        return self.wait(timeout) == (-signal.SIGTERM if UNDER_UVICORN else 0)
