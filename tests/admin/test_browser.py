"""The admin in a real browser: under the strict policy, with scripts of strangers in the rows, in both themes."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sessions_store.models import ModelMapping, UsageRecord, User
from tests.admin.examples import Exchange, record

if TYPE_CHECKING:
    from openai import OpenAI
    from playwright.sync_api import Page

    from tests.live_gateway import LiveGateway

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "operate-the-gateway"
SCRIPT = "<script>document.title = 'owned'</script>"

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about: refused scripts and styles, files that are missing, errors."""
    return []


# Playwright's loop runs in the test's thread from `page` on, and Django then refuses the database there: what a test
# needs of it comes in fixtures before `page`.


@pytest.fixture
def small_model(live_db: None) -> Iterator[str]:
    """The name of a mapping to edit; as it was afterwards."""
    mapping = ModelMapping.objects.get(public_name="gpt-3.5-turbo")
    before = mapping.upstream_model
    yield mapping.public_name
    mapping.upstream_model = before
    mapping.save()


@pytest.fixture
def hostile(live_db: None) -> UsageRecord:
    """An exchange with scripts wherever a client can put them."""
    talk = [{"role": "user", "content": SCRIPT}, {"role": "assistant", "content": SCRIPT}]
    return record(Exchange(messages=talk, user=SCRIPT, public_model=SCRIPT, metadata={"m": SCRIPT}))


@pytest.fixture
def page(gateway: "LiveGateway", live_db: None, complaints: list[str]) -> Iterator["Page"]:
    """A browser page on the live gateway, logged in as a superuser."""
    from playwright.sync_api import sync_playwright

    browser, _ = User.objects.get_or_create(username="browser")
    browser.is_staff = browser.is_superuser = browser.is_active = True
    browser.set_password(PASSWORD)
    browser.save()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = chromium.new_page(base_url=gateway.origin, viewport={"width": 1280, "height": 800})
        tab.set_default_timeout(15_000)
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto("/admin/")
        tab.fill("#id_username", "browser")
        tab.fill("#id_password", PASSWORD)
        tab.click("input[type=submit]")
        tab.wait_for_selector("text=State of things")
        yield tab
        chromium.close()
    # Kept for what it did, but an operator no more: other tests start servers that have none yet.
    User.objects.filter(username="browser").update(is_superuser=False, is_active=False)


def test_an_edited_mapping_is_followed_by_the_next_request(
    small_model: str, page: "Page", client: "OpenAI", complaints: list[str]
) -> None:
    page.click("text=Model mappings")
    page.click(f"#result_list >> text='{small_model}'")
    page.fill("#id_upstream_model", "gemini-3.5-flash-lite")
    page.click("input[name=_save]")
    page.wait_for_selector("text=was changed successfully")
    answer = client.chat.completions.with_raw_response.create(
        model=small_model, messages=[{"role": "user", "content": "Hello!"}]
    )
    assert answer.headers["x-gateway-model"] == "gemini-3.5-flash-lite"

    page.fill("#dry-run-name", small_model)
    page.click("text=Look up")
    assert "gemini-3.5-flash-lite" in page.inner_text(".dry-run-answer .route")
    assert complaints == []


def test_a_transcript_and_its_usage_are_read(page: "Page", client: "OpenAI", complaints: list[str]) -> None:
    client.chat.completions.create(
        model="gemini-3.8-flash", user="browser-ada", messages=[{"role": "user", "content": "My cat is called Turing."}]
    )
    page.click("text=Chat sessions")
    page.fill("#searchbar", "browser-ada")
    page.press("#searchbar", "Enter")
    page.click("#result_list >> text=My cat is called Turing")
    assert "My cat is called Turing." in page.inner_text(".turn.user .bubble")
    assert page.inner_text(".turn.assistant .bubble").strip()
    page.click(".turn.assistant details.raw summary")
    assert '"role": "model"' in page.inner_text(".turn.assistant .faces")

    page.click("text=Usage records")
    page.fill("#searchbar", "browser-ada")
    page.press("#searchbar", "Enter")
    page.click("#result_list .field-started a")
    assert "My cat is called Turing." in page.inner_text("text=Request body >> xpath=..")
    assert "promptTokenCount" in page.inner_text("#content")
    assert complaints == []


def test_scripts_in_rows_never_run(hostile: UsageRecord, page: "Page", complaints: list[str]) -> None:
    for path in (
        "sessions_store/chatsession/",
        f"sessions_store/chatsession/message/{hostile.answer_id}/",
        "sessions_store/usagerecord/",
        f"sessions_store/usagerecord/{hostile.pk}/change/",
    ):
        page.goto(f"/admin/{path}")
        assert SCRIPT in page.inner_text("body"), path
        assert page.title() != "owned"
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_window_in_both_themes(
    hostile: UsageRecord, page: "Page", complaints: list[str], theme: str, width: int
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    paths = ["", "sessions_store/modelmapping/?try=gpt-4", "sessions_store/upstreammodel/", "sessions_store/usageday/"]
    paths += ["sessions_store/usagerecord/", "sessions_store/chatsession/", "sessions_store/user/"]
    paths += [f"sessions_store/usagerecord/{hostile.pk}/change/"]
    paths += [f"sessions_store/chatsession/message/{hostile.answer_id}/"]
    for path in paths:
        page.goto(f"/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in background[4:-1].split(",")) < 200) is (theme == "dark"), background
    assert complaints == []
