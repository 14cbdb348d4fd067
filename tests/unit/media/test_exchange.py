"""Fetching within an exchange: the parts for Gemini and for the transcript, and media that is fetched only once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from api.errors import InvalidRequestError, RateLimitError
from api.exchange.ids import completion_id
from api.exchange.planning.plan import RequestOrigin, open_exchange, plan_chat
from api.exchange.running.run import complete
from api.gemini.client import GeminiClient, Upstream
from api.gemini.upstream_stream import Deadlines
from api.openai.chat.request import parse_chat_completion
from api.resources.byte_budget import ByteBudget, Hold
from api.services import Services
from sessions_store.models import Message, UsageRecord, User
from sessions_store.writing.store import Store
from tests.callers import local_caller
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, GEMINI_25, fresh
from tests.unit.media.site import PNG, Site, fetcher, page

pytestmark = pytest.mark.usefixtures("live_db")
URL = "http://public.example/a.png"


@pytest.fixture
async def services(site: Site, emulator: Emulator) -> AsyncIterator[Services]:
    """The services of a process with a fetcher for the site."""
    client = GeminiClient(Upstream(api_key="key", base_url=emulator.base_url), Deadlines())
    store = Store()
    yield Services(client=client, store=store, media=fetcher(site))
    await client.aclose()
    await store.close()


async def ask(services: Services, *messages: Any, model: str = GEMINI_25, **parameters: Any) -> tuple[str, Any]:
    """Run one chat request like the view; return the request id and the response's message."""
    principal = await services.store.read(lambda: User.objects.get(username="local").pk)
    request = parse_chat_completion(orjson.dumps({"model": model, "messages": messages, **parameters}))
    origin = RequestOrigin(completion_id(), local_caller(principal), await services.store.catalogue())
    async with open_exchange(services, request, origin, "chat.completions") as exchange:
        response = await complete(exchange, await plan_chat(exchange, request, origin))
    return origin.request_id, response["choices"][0]["message"]


def showing(url: str, text: str = "What is this?") -> Any:
    """Return a user message with an image."""
    return {
        "role": "user",
        "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}],
    }


def sent_images(body: Any) -> list[str]:
    """Return the types of all media that Gemini received."""
    return [part["inlineData"]["mimeType"] for c in body["contents"] for part in c["parts"] if "inlineData" in part]


@pytest.mark.parametrize("model", [GEMINI_25, GEMINI_3])
async def test_a_fetched_image_is_stored_as_message_and_as_content(
    services: Services, site: Site, emulator: Emulator, model: str
) -> None:
    question = showing(URL, fresh("What is this?"))
    request_id, message = await ask(services, question, model=model)

    assert "image/png" in message["content"]
    (body,) = emulator.bodies()
    assert sent_images(body) == ["image/png"]

    def stored() -> Message | None:
        return UsageRecord.objects.select_related("message").get(request_id=request_id).message

    node = await services.store.read(stored)
    assert node is not None
    assert orjson.loads(node.openai) == question
    assert orjson.loads(node.gemini) == body["contents"][0]
    assert services.in_flight == 0


async def test_fetched_media_is_read_from_the_store_in_the_next_request(
    services: Services, site: Site, emulator: Emulator
) -> None:
    question = showing(URL, fresh("What is this?"))
    _, message = await ask(services, question)
    site.pages.clear()  # the link has expired
    site.pages["/b.gif"] = page(b"GIF89a" + bytes(20), kind="image/gif")
    await ask(
        services,
        question,
        {"role": "assistant", "content": message["content"]},
        showing("http://public.example/b.gif", "And this?"),
    )

    *_, body = emulator.bodies()
    assert sent_images(body) == ["image/png", "image/gif"]
    assert [path for _, path, _ in site.heard] == ["/a.png", "/b.gif"]


async def test_a_session_contains_fetched_media(services: Services, site: Site, emulator: Emulator) -> None:
    user = fresh("viewer")
    await ask(services, showing(URL), user=user)
    site.pages.clear()
    await ask(services, {"role": "user", "content": "Say more"}, user=user)

    *_, body = emulator.bodies()
    assert sent_images(body) == ["image/png"]
    assert site.connections == 1


async def test_rule_081_a_failed_fetch_is_recorded_and_never_sent(
    services: Services, site: Site, emulator: Emulator
) -> None:
    site.pages["/a.png"] = page(b"<svg>secret</svg>", kind="image/svg+xml")
    with pytest.raises(InvalidRequestError) as caught:
        await ask(services, {"role": "user", "content": "Hi"}, showing(URL), user=fresh("viewer"))

    assert caught.value.param == "messages[1].content[1].image_url.url"
    assert "secret" not in caught.value.message
    assert emulator.received() == []
    assert services.in_flight == 0
    assert not services.session_locks


async def test_a_full_gateway_fetches_nothing(services: Services, site: Site) -> None:
    services.deployment = replace(services.deployment, max_in_flight=0)
    with pytest.raises(RateLimitError):
        await ask(services, showing(URL))
    assert site.connections == 0


async def test_a_repeated_file_counts_each_time(
    services: Services, site: Site, emulator: Emulator, settings: Any
) -> None:
    settings.MAX_BODY_BYTES = 4 * len(PNG)
    twice, often = showing(URL), showing(URL)
    twice["content"] += twice["content"][1:]
    often["content"] += often["content"][1:] * 7
    await ask(services, twice)
    with pytest.raises(InvalidRequestError) as rejected:
        await ask(services, often)

    assert rejected.value.code == "image_file_too_large"
    assert rejected.value.param == "messages[0].content[5].image_url.url"
    (body,) = emulator.bodies()
    assert sent_images(body) == ["image/png"] * 2


async def test_the_bytes_of_fetched_files_are_reserved(services: Services, site: Site) -> None:
    budget = ByteBudget(10_000)
    hold = Hold(budget)
    principal = await services.store.read(lambda: User.objects.get(username="local").pk)
    request = parse_chat_completion(orjson.dumps({"model": GEMINI_25, "messages": [showing(URL)]}))
    origin = RequestOrigin(completion_id(), local_caller(principal), await services.store.catalogue(), hold=hold)
    async with open_exchange(services, request, origin, "chat.completions") as exchange:
        await plan_chat(exchange, request, origin)
    assert hold.size >= len(PNG)
    hold.release()
    assert budget.held == 0


async def test_a_url_that_google_resolves_is_not_fetched(services: Services, site: Site, emulator: Emulator) -> None:
    youtube = "https://www.youtube.com/watch?v=abc"
    parts = [{"type": "text", "text": "What happens?"}, {"type": "video_url", "video_url": {"url": youtube}}]
    await ask(services, {"role": "user", "content": parts})

    (body,) = emulator.bodies()
    assert body["contents"][0]["parts"][1] == {"fileData": {"fileUri": youtube}}
    assert site.connections == 0


async def test_urls_of_different_kinds_are_fetched_together(services: Services, site: Site, emulator: Emulator) -> None:
    site.pages |= {
        "/a.mp4": page(b"\x00\x00\x00\x18ftypisom" + bytes(20), kind="video/mp4"),
        "/a.pdf": page(b"%PDF-1.7 text", kind="application/pdf"),
        "/a.txt": page(b"plain words", kind="text/plain"),
        "/a.png": page(PNG),
    }
    base = "http://public.example"
    parts: list[Any] = [
        {"type": "text", "text": fresh("Compare")},
        {"type": "image_url", "image_url": {"url": f"{base}/a.png"}},
        {"type": "video_url", "video_url": {"url": f"{base}/a.mp4"}},
        {"type": "file", "file": {"file_data": f"{base}/a.pdf"}},
        {"type": "file", "file": {"file_data": f"{base}/a.txt"}},
    ]
    await ask(services, {"role": "user", "content": parts})

    (body,) = emulator.bodies()
    assert sent_images(body) == ["image/png", "video/mp4", "application/pdf", "text/plain"]
