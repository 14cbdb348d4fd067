"""A gateway and its upstream on the IPv6 loopback, by the address in brackets: `serve`, `runserver` and uvicorn."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import closing

import httpx2
import pytest
from openai import OpenAI
from websockets.sync.client import connect

from tests.exchanges import GEMINI_25, chat_message
from tests.server_process import ServerProcess

EMULATOR = (sys.executable, "manage.py", "gemini_emulator", "--host", "::1", "--port", "0")
GATEWAYS = {
    "serve": ((sys.executable, "manage.py", "serve", "--port", "0"), {"HOST": "::1"}),
    "serve, in brackets": ((sys.executable, "manage.py", "serve", "--port", "0"), {"HOST": "[::1]"}),
    "runserver": ((sys.executable, "manage.py", "runserver", "--noreload"), {"HOST": "::1", "PORT": "0"}),
    "uvicorn": (
        (sys.executable, "-m", "uvicorn", "--host", "::1", "--port", "0", "gemini_gateway.asgi:application"),
        {},
    ),
}


def has_ipv6() -> bool:
    """Return whether this machine has an IPv6 loopback."""
    try:
        with closing(socket.socket(socket.AF_INET6)) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = [pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"), pytest.mark.serve]


@pytest.fixture(scope="module")
def gemini(django_db_setup: None) -> Iterator[str]:
    """An emulator that listens on ::1."""
    with ServerProcess(EMULATOR, ready=r"listens on http://\[::1\]:(\d+)") as server:
        yield f"http://[::1]:{server.port}"


@pytest.fixture(scope="module", params=GATEWAYS)
def origin(request: pytest.FixtureRequest, gemini: str) -> Iterator[str]:
    """A gateway that listens on ::1."""
    command, settings = GATEWAYS[request.param]
    environment = {"GEMINI_API_KEY": "AIza-a-key-for-tests-only-000000", "GEMINI_BASE_URL": gemini, **settings}
    with ServerProcess(command, ready=r"http://\[::1\]:([1-9]\d*)", environment=environment) as server:
        server.wait_for("Gemini accepts the API key")
        yield f"http://[::1]:{server.port}"


def test_openais_client_and_a_websocket_reach_the_gateway(origin: str) -> None:
    with OpenAI(base_url=f"{origin}/v1", api_key="x", max_retries=0) as client:
        chat = client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hello!")])
        chunks = list(client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hello!")], stream=True))
    with connect(origin.replace("http", "ws") + "/v1/responses", proxy=None) as websocket:
        websocket.send(json.dumps({"type": "response.create", "model": GEMINI_25, "input": "Hi", "store": False}))
        first = json.loads(websocket.recv(timeout=10))

    assert chat.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert first["type"] == "response.created"


@pytest.mark.parametrize(
    ("host", "status"),
    [("[::1]", 200), ("[::1]:80", 200), ("[0:0:0:0:0:0:0:1]:80", 200), ("localhost", 200), ("[::2]", 403), ("[]", 403)],
)
def test_the_gateway_accepts_its_own_ipv6_names(origin: str, host: str, status: int) -> None:
    with httpx2.Client(base_url=origin, trust_env=False) as http:
        assert http.get("/v1/models", headers={"host": host}).status_code == status
        assert http.get("/v1", headers={"accept": "text/html"}).status_code == 200
        assert http.get("/admin/login/").status_code == 200
