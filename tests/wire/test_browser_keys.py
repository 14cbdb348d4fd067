"""OpenAI's JavaScript client in a page of another site, with keys that list the origins of pages."""

import pytest

from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway
from tests.wire.test_browser_client import page, pytestmark, site

__all__ = ["pytestmark", "site"]  # the conditions and the fixture of the other page


@pytest.fixture
def origin(site: str) -> str:
    """The origin of the page: a name that is not local."""
    return site.replace("localhost", "app.example")


def test_g11_a_page_works_with_a_key_that_lists_its_origin(gateway: LiveGateway, origin: str, issued: Issued) -> None:
    key = issued.client_key(origins=[origin])

    with page(gateway, origin, key) as run:
        done = {task: run(task) for task in ("chat", "stream", "responses", "error", "socket")}

    assert done["chat"]["text"]
    assert done["chat"]["read"].startswith("req_")
    assert done["stream"]["text"]
    assert done["responses"]["text"]
    assert done["error"]["code"] == "model_not_found"
    assert done["socket"] == {"type": "response.created"}


def test_g11_a_page_gets_nothing_with_a_key_that_lists_other_origins(
    gateway: LiveGateway, origin: str, issued: Issued
) -> None:
    key = issued.client_key(origins=["https://other.example"])

    with page(gateway, origin, key) as run:
        done = {task: run(task) for task in ("chat", "socket")}

    assert "Connection error" in done["chat"]["failed"]
    assert done["socket"] == {"type": "refused"}
