"""The admin in a real browser: strict content security policy, hostile scripts in rows, both themes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sessions_store.models import ModelMapping, UsageRecord
from tests.admin.access import PASSWORD
from tests.admin.conftest import CHROMIUM
from tests.admin.examples import Exchange, record

if TYPE_CHECKING:
    from openai import OpenAI
    from playwright.sync_api import Page


SCRIPT = "<script>document.title = 'owned'</script>"

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")]


# Playwright's loop runs in the test's thread after `page`, and Django rejects database access there: fixtures before
# `page` read the database.


@pytest.fixture
def small_model(live_db: None) -> Iterator[str]:
    """The name of a mapping to edit; the mapping is restored afterwards."""
    mapping = ModelMapping.objects.get(public_name="gpt-3.5-turbo")
    before = mapping.upstream_model
    yield mapping.public_name
    mapping.upstream_model = before
    mapping.save()


@pytest.fixture
def hostile(live_db: None) -> UsageRecord:
    """An exchange with scripts in all texts of a client."""
    talk = [{"role": "user", "content": SCRIPT}, {"role": "assistant", "content": SCRIPT}]
    return record(Exchange(messages=talk, user=SCRIPT, public_model=SCRIPT, metadata={"m": SCRIPT}))


def test_a_mapping_edited_in_the_admin_applies_to_the_next_request(
    small_model: str, page: "Page", client: "OpenAI", complaints: list[str]
) -> None:
    page.click("#nav-sidebar >> text=Model mappings")
    page.click(f"#result_list >> text='{small_model}'")
    page.fill("#id_upstream_model", "gemini-3.5-flash-lite")
    page.click("input[name=_save]")
    page.wait_for_selector("text=was changed successfully")
    response = client.chat.completions.with_raw_response.create(
        model=small_model, messages=[{"role": "user", "content": "Hello!"}]
    )
    assert response.headers["x-gateway-model"] == "gemini-3.5-flash-lite"

    page.fill("#dry-run-name", small_model)
    page.click(".dry-run input[type=submit]")
    assert "gemini-3.5-flash-lite" in page.inner_text(".dry-run-answer .route")
    assert complaints == []


def test_a_transcript_and_its_usage_are_displayed(page: "Page", client: "OpenAI", complaints: list[str]) -> None:
    client.chat.completions.create(
        model="gemini-3.8-flash", user="browser-ada", messages=[{"role": "user", "content": "My cat is called Turing."}]
    )
    page.click("#nav-sidebar >> text=Chat sessions")
    page.fill("#searchbar", "browser-ada")
    page.press("#searchbar", "Enter")
    page.click("#result_list >> text=My cat is called Turing")
    assert "My cat is called Turing." in page.inner_text(".turn.user .bubble")
    assert page.inner_text(".turn.assistant .bubble").strip()
    page.click(".turn.assistant details.raw summary")
    assert '"role": "model"' in page.inner_text(".turn.assistant .faces")

    page.click("#nav-sidebar >> text=Requests")
    page.fill("#searchbar", "browser-ada")
    page.press("#searchbar", "Enter")
    page.click("#result_list .field-started a")
    assert "My cat is called Turing." in page.inner_text("summary >> text=Request body >> xpath=..")
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
@pytest.mark.parametrize("width", [1440, 1280, 1024, 390])
def test_pages_fit_the_window_in_both_themes(
    hostile: UsageRecord, page: "Page", complaints: list[str], theme: str, width: int
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    paths = ["", "sessions_store/modelmapping/?try=gpt-4", "sessions_store/upstreammodel/", "sessions_store/usageday/"]
    paths += ["sessions_store/usageday/end-users/"]
    paths += ["sessions_store/usagerecord/", "sessions_store/chatsession/", "sessions_store/user/"]
    paths += [f"sessions_store/usagerecord/{hostile.pk}/change/"]
    paths += [f"sessions_store/chatsession/message/{hostile.answer_id}/", "sessions_store/upstreammodel/1/change/"]
    for path in paths:
        page.goto(f"/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        cut = "[...document.querySelectorAll('.results, .scroll')].filter(list => list.scrollWidth > list.clientWidth)"
        assert page.evaluate(f"{cut}.length") == 0, path
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in background[4:-1].split(",")) < 200) is (theme == "dark"), background
    assert complaints == []


@pytest.mark.parametrize("width", [1024, 390])
def test_narrow_windows_have_a_menu_on_every_page(hostile: UsageRecord, page: "Page", width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/admin/sessions_store/usagerecord/{hostile.pk}/change/")
    assert not page.is_visible(".page-menu nav")
    page.click(".page-menu summary")
    page.click(".page-menu >> text=Chat sessions")
    page.wait_for_url("**/chatsession/")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not page.is_visible(".page-menu nav")
    page.click(".page-menu summary")
    assert page.inner_text(".page-menu [aria-current]") == "Chat sessions"


def test_the_cells_of_a_card_have_the_name_of_their_column(hostile: UsageRecord, page: "Page") -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/admin/sessions_store/usagerecord/")
    name = "getComputedStyle(document.querySelector('.field-cost'), '::before').content"
    assert page.evaluate(name) == '"Cost"'
    assert page.evaluate("getComputedStyle(document.querySelector('#result_list thead')).display") == "none"
    page.set_viewport_size({"width": 1024, "height": 800})
    assert page.evaluate(name) == "none"


def test_a_response_is_displayed_in_its_transcript(page: "Page", client: "OpenAI", complaints: list[str]) -> None:
    conversation = client.conversations.create()
    first = client.responses.create(model="gpt-4", input="Is this kept?", conversation=conversation.id)
    other = client.responses.create(model="gpt-4", input="And this way?", previous_response_id=first.id)
    client.responses.create(model="gpt-4", input="Or that way?", previous_response_id=first.id)
    kept = client.chat.completions.create(
        model="gpt-4", store=True, messages=[{"role": "user", "content": "Is this stored?"}]
    )
    page.set_viewport_size({"width": 390, "height": 800})
    objects = {"storedresponse": other.id, "conversation": conversation.id, "storedcompletion": kept.id}
    for kind, public_id in objects.items():
        page.goto(f"/admin/sessions_store/{kind}/?q={public_id}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), kind
        page.click("#result_list .field-name a")
        page.wait_for_selector(f"h2:has-text('{public_id}')")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), kind
        page.click("text=Open the transcript")
        page.wait_for_selector(".transcript")
        assert public_id in page.inner_text(".turn.assistant:last-child .answer-links")

    page.goto(f"/admin/sessions_store/storedresponse/?q={other.id}")
    page.click("#result_list .field-transcript a")
    assert page.inner_text(".turn:last-child .role") == "Assistant"
    page.click(".branches >> text=Or that way?")
    page.wait_for_selector(".turn.user >> text=Or that way?")
    assert "And this way?" in page.inner_text(".branches")
    assert complaints == []


def test_many_wrong_passwords_require_a_wait(stranger: "Page", complaints: list[str]) -> None:
    stranger.set_viewport_size({"width": 390, "height": 800})
    stranger.goto("/admin/")
    for _ in range(6):
        stranger.fill("#id_username", "nobody-of-this-name")
        stranger.fill("#id_password", "a guess")
        stranger.click("input[type=submit]")
        stranger.wait_for_selector(".errornote")
    assert "Too many failed attempts. Try again in" in stranger.inner_text(".errornote")
    assert stranger.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert [line for line in complaints if "429" not in line] == []  # Chromium logs the status

    stranger.fill("#id_username", "browser")
    stranger.fill("#id_password", PASSWORD)
    stranger.click("input[type=submit]")
    stranger.wait_for_selector("text=Overview")
