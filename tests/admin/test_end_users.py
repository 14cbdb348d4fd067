"""The totals by end user: sums, order, bounds and rights."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.admin.conftest import Operator
from tests.admin.examples import Exchange, record, record_all

PAGE = "admin:sessions_store_end_users"
TALK = ({"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello!"})


def test_requests_tokens_errors_and_cost_are_summed_by_end_user(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    rows = record_all(
        [
            Exchange(messages=TALK, user="ada", at=now),
            Exchange(messages=TALK, user="ada", at=now - timedelta(days=2)),
            Exchange(messages=TALK, user="ada", at=now - timedelta(days=2), status="timeout", http_status=504),
            Exchange(messages=TALK, user="bob", at=now, prompt_tokens=9_000, status="blocked"),
            Exchange(messages=TALK, user="eve", at=now - timedelta(days=80)),
            Exchange(messages=TALK, at=now, status="client_error", http_status=400),
        ]
    )
    with django_assert_max_num_queries(6):
        found = operator.get(reverse(PAGE)).context["found"]
    ada = next(totals for totals in found.totals if totals.name == "ada")
    assert (ada.requests, ada.errors, ada.prompt_tokens, ada.completion_tokens) == (3, 1, 2_000, 400)
    assert ada.cost_nano == rows[0].cost_nano + rows[1].cost_nano > 0
    assert ada.last == rows[0].started_at
    bob = next(totals for totals in found.totals if totals.name == "bob")
    assert (bob.requests, bob.errors) == (1, 0)  # as in the roll-ups: a blocked response is no error
    assert [totals.name for totals in found.totals] == ["ada", "", "bob"]  # by cost, requests and name
    assert found.since is None
    assert [totals.name for totals in operator.get(reverse(PAGE), {"days": "90"}).context["found"].totals].count(
        "eve"
    ) == 1


def test_the_page_says_since_when_its_totals_count(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_store.admin.pages.usage_days.END_USER_ROWS", 5)
    now = timezone.now()
    rows = record_all([Exchange(messages=TALK, user="ada", at=now - timedelta(minutes=number)) for number in range(9)])
    answer = operator.get(reverse(PAGE))
    found = answer.context["found"]
    assert [totals.requests for totals in found.totals] == [5]
    assert found.since == rows[5].started_at
    assert "These totals cover the newest requests only" in answer.content.decode()


def test_an_end_user_leads_to_the_requests_of_that_name(operator: Client) -> None:
    name = "o'neil & <b>+50%/"
    usage = record(Exchange(messages=TALK, user=name))
    page = operator.get(reverse(PAGE)).content.decode()
    link = f"/admin/sessions_store/usagerecord/?period=all&amp;q={quote(name, safe='')}"
    assert link in page
    assert "<b>" not in page
    found = operator.get(link.replace("&amp;", "&")).context["cl"].result_list
    assert [row.pk for row in found] == [usage.pk]


def test_end_users_are_named_with_the_permission_to_view_requests_only(clerk: Operator) -> None:
    record(Exchange(messages=TALK, user="ada"))
    browser = clerk("view_usageday")
    assert browser.get(reverse(PAGE)).status_code == 403
    assert "By end user" not in browser.get(reverse("admin:sessions_store_usageday_changelist")).content.decode()


def test_a_period_without_requests_has_no_end_users(operator: Client) -> None:
    assert "No requests in these days." in operator.get(reverse(PAGE), {"days": "7"}).content.decode()
