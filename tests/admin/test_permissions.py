"""Permissions: every page requires a login, and each right opens its own pages only."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from gemini_gateway.log import TextFormatter
from sessions_store.models import ChatSession, ModelMapping, UsageRecord, User
from tests.admin.conftest import Operator
from tests.admin.examples import Exchange, record

TALK = ({"role": "user", "content": "What is the capital of Peru?"}, {"role": "assistant", "content": "Lima."})


@pytest.fixture
def addresses(db: None) -> dict[str, str]:
    """Return one address of every kind of page."""
    usage = record(Exchange(messages=TALK, user="ada"))
    session = ChatSession.objects.get(user="ada")
    found = {"start": reverse("admin:index")}
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found[f"{model.__name__} list"] = reverse(f"{base}_changelist")
        found[f"{model.__name__} add"] = reverse(f"{base}_add")
    found |= {
        "mapping": reverse("admin:sessions_store_modelmapping_change", args=[ModelMapping.objects.first().pk]),  # type: ignore[union-attr]
        "session": reverse("admin:sessions_store_chatsession_change", args=[session.pk]),
        "forget": reverse("admin:sessions_store_chatsession_delete", args=[session.pk]),
        "transcript": reverse("admin:sessions_store_transcript", args=[session.pk]),
        "message": reverse("admin:sessions_store_message", args=[usage.answer_id]),
        "newest": reverse("admin:sessions_store_message_newest", args=[usage.answer_id]),
        "raw": reverse("admin:sessions_store_message_raw", args=[usage.answer_id]),
        "record": reverse("admin:sessions_store_usagerecord_change", args=[usage.pk]),
        "end users": reverse("admin:sessions_store_end_users"),
        "export": reverse("admin:sessions_store_usage_export"),
        "password": reverse("admin:auth_user_password_change", args=[User.objects.local().pk]),
    }
    return found


def test_every_page_redirects_to_the_login(anonymous: Client, addresses: dict[str, str]) -> None:
    for name, address in addresses.items():
        response = anonymous.get(address)
        assert response.status_code == 302, name
        assert response["Location"].startswith(reverse("admin:login")), name


def test_staff_without_rights_sees_the_start_page_only(clerk: Operator, addresses: dict[str, str]) -> None:
    browser = clerk()
    start = browser.get(addresses.pop("start"))
    assert start.status_code == 200
    assert "Your account has no permissions yet" in start.content.decode()
    assert "Last 24 hours" not in start.content.decode()
    for name, address in addresses.items():
        assert browser.get(address).status_code == 403, name


def test_a_right_to_usage_gives_no_access_to_transcripts(clerk: Operator, addresses: dict[str, str]) -> None:
    browser = clerk("view_usagerecord", "view_chatsession")
    page = browser.get(addresses["record"]).content.decode()
    assert "Your account needs the permission “view message”" in page
    assert "capital of Peru" not in page
    for name in ("transcript", "message", "newest", "raw"):
        assert browser.get(addresses[name]).status_code == 403, name


def test_records_cannot_be_added_changed_or_deleted(operator: Client, addresses: dict[str, str]) -> None:
    usage = UsageRecord.objects.get()
    assert operator.get(addresses["UsageRecord add"]).status_code == 403
    assert operator.post(reverse("admin:sessions_store_usagerecord_delete", args=[usage.pk])).status_code == 403
    operator.post(addresses["record"], {"cost_nano": "1"})
    usage_after = UsageRecord.objects.get()
    assert usage_after.cost_nano == usage.cost_nano


def test_an_unknown_record_redirects_with_a_message(operator: Client) -> None:
    response = operator.get(reverse("admin:sessions_store_usagerecord_change", args=[987654]), follow=True)
    assert "Perhaps it was deleted" in response.content.decode()


def test_a_viewer_sees_no_forbidden_actions(clerk: Operator, addresses: dict[str, str]) -> None:
    rights = [f"view_{model._meta.model_name}" for model in admin.site._registry]
    browser = clerk(*rights, "view_message")
    shown = {name: browser.get(address) for name, address in addresses.items()}

    assert {name for name, response in shown.items() if response.status_code == 403} == {
        *(f"{model.__name__} add" for model in admin.site._registry),
        "forget",
        "password",
    }
    offered = re.compile(r'href="[^"]*/(?:add|delete|password)/|name="(?:_save|action)"|>Rename<|Delete conversation')
    for name, response in shown.items():
        if response.status_code == 200 and not response.streaming:
            assert offered.findall(response.content.decode()) == [], name


def test_titles_require_the_right_to_read_messages(clerk: Operator, addresses: dict[str, str]) -> None:
    """A title is the beginning of the first message."""
    rights = ("view_chatsession", "change_chatsession", "delete_chatsession", "view_usagerecord", "view_logentry")
    session = ChatSession.objects.get(user="ada")
    assert session.title.startswith("What is the capital of Peru?")
    history = reverse("admin:sessions_store_chatsession_history", args=[session.pk])
    pages = {name: addresses[name] for name in ("ChatSession list", "session", "forget", "record")} | {
        "history": history
    }
    asked = {"action": "delete_selected", "_selected_action": session.pk}

    browser = clerk(*rights)
    for name, address in pages.items():
        page = browser.get(address)
        assert page.status_code == 200, name
        assert "capital of Peru" not in page.content.decode(), name
        assert session.public_id in page.content.decode(), name
    assert "capital of Peru" not in browser.post(pages["ChatSession list"], asked).content.decode()
    found = browser.get(pages["ChatSession list"], {"q": "What"}).content.decode()
    assert session.public_id not in found
    browser.post(pages["session"], {"title": "Renamed"})
    session.refresh_from_db()
    assert session.title.startswith("What is the capital of Peru?")

    reader = Client()
    reader.force_login(User.objects.create(username="grace", is_staff=True, is_superuser=True))
    for name in ("ChatSession list", "session", "forget", "record"):
        assert "capital of Peru" in reader.get(pages[name]).content.decode(), name
    assert "capital of Peru" in reader.post(pages["ChatSession list"], asked).content.decode()
    assert session.public_id in reader.get(pages["ChatSession list"], {"q": "What"}).content.decode()
    removed = browser.post(pages["forget"], {"post": "yes"}, follow=True).content.decode()
    assert session.public_id in removed
    assert "capital of Peru" not in removed + browser.get(addresses["start"]).content.decode()


def test_a_denied_request_is_one_log_line(
    clerk: Operator, addresses: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert clerk("view_chatsession").get(addresses["transcript"]).status_code == 403

    [line] = [TextFormatter().format(record) for record in caplog.records if record.name.startswith("django")]
    assert addresses["transcript"] in line
    assert "\n" not in line
