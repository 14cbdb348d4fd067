"""The gateway as its users meet it: `manage.py serve` in a child process, or the same application under uvicorn when
GATEWAY_TEST_SERVER=uvicorn.
"""

import os
import sys
from collections.abc import Mapping
from typing import Self

from tests.server_process import ServerProcess

SERVE = (sys.executable, "manage.py", "serve", "--port", "0")
UVICORN = (
    sys.executable,
    "-m",
    "uvicorn",
    "gemini_gateway.asgi:application",
    "--port",
    "0",
    "--no-server-header",
    "--no-proxy-headers",
)


class LiveGateway(ServerProcess):
    """A running gateway. `base_url` is what an OpenAI client is given (it ends in /v1), `origin` the address alone,
    `log` what it printed so far.
    """

    base_url: str

    @classmethod
    def start(cls, *, upstream: str, settings: Mapping[str, str] | None = None) -> Self:
        """Start one that asks `upstream`, with further environment variables in `settings`."""
        environment = {
            "GEMINI_API_KEY": "AIza-a-key-for-tests-only-000000",
            "GEMINI_BASE_URL": upstream,
            "DRAIN_SECONDS": "5",
            **(settings or {}),
        }
        if os.environ.get("GATEWAY_TEST_SERVER") == "uvicorn":
            server = cls(UVICORN, ready=r"Uvicorn running on http://127\.0\.0\.1:(\d+)", environment=environment)
        else:
            server = cls(SERVE, ready=r"OpenAI API +http://127\.0\.0\.1:(\d+)/v1", environment=environment)
        server.base_url = f"{server.origin}/v1"
        return server
