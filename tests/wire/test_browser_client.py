"""OpenAI's JavaScript client in a web page of another origin, in Chromium."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.exchanges import GEMINI_25
from tests.live_gateway import LiveGateway
from tests.server_process import ROOT

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
NODE = ROOT / "tests" / "clients" / "node"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
    pytest.mark.skipif(not (NODE / "node_modules/openai/index.mjs").exists(), reason="npm's openai is not installed"),
]

Run = Callable[[str], dict[str, Any]]


class Files(SimpleHTTPRequestHandler):
    """A server of the page and the client's modules, without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Suppress the log."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The origin of the page: localhost with another port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(NODE)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def page(gateway: LiveGateway, site: str, key: str = "") -> Iterator[Run]:
    """Open the page in Chromium, with `/v1` of the gateway as base URL; the names of `.example` are this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        names = "--host-resolver-rules=MAP *.example 127.0.0.1"
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", names])
        tab = chromium.new_page()
        tab.set_default_timeout(30_000)
        query = f"gateway={gateway.base_url}&model={GEMINI_25}" + (f"&key={key}" if key else "")
        tab.goto(f"{site}/in_a_browser.html?{query}")
        tab.wait_for_function("window.run !== undefined")
        yield lambda task: tab.evaluate("task => window.run(task)", task)
        chromium.close()


@pytest.fixture(scope="module")
def run(gateway: LiveGateway, site: str) -> Iterator[Run]:
    """Run one of the page's tasks."""
    with page(gateway, site) as tasks:
        yield tasks


def test_a_page_reads_a_chat_and_the_headers_of_the_response(run: Run) -> None:
    done = run("chat")

    assert done["text"]
    assert done["requestId"].startswith("req_")
    assert done["read"] == done["requestId"]
    assert done["model"] == GEMINI_25


def test_a_page_reads_a_stream(run: Run) -> None:
    assert run("stream")["text"]


def test_a_page_creates_retrieves_deletes_and_streams_responses(run: Run) -> None:
    done = run("responses")

    assert done["text"]
    assert done["requestId"].startswith("req_")
    assert done["events"] > 3


def test_a_page_reads_an_error(run: Run) -> None:
    done = run("error")

    assert (done["status"], done["code"]) == (404, "model_not_found")
    assert done["requestId"].startswith("req_")


def test_a_page_opens_a_websocket(run: Run) -> None:
    assert run("socket") == {"type": "response.created"}
