"""The start page: the upstream, the totals of the roll-ups, the chart, the snippets."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from sessions_store.admin.display.chart import hourly_chart, round_up
from sessions_store.admin.display.usage_totals import Hour
from tests.admin.conftest import Operator
from tests.admin.examples import Exchange, record_all

QUESTION = {"role": "user", "content": "Hello?"}
ANSWER = {"role": "assistant", "content": "Hello!"}


def start(operator: Client) -> str:
    return operator.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(("upstream", "told"), [("emulator", True), ("gemini", False), ("vertex", False)])
def test_the_start_page_shows_the_emulator(operator: Client, settings: Settings, upstream: str, told: bool) -> None:
    settings.GEMINI_UPSTREAM = upstream
    assert ("Test mode: no Gemini key" in start(operator)) is told


def test_every_page_warns_of_an_open_gateway(operator: Client, settings: Settings) -> None:
    assert "Open to everyone" not in start(operator)
    settings.ALLOW_INSECURE_KEYLESS = True
    for page in (
        "admin:index",
        "admin:sessions_store_modelmapping_changelist",
        "admin:sessions_store_usageday_changelist",
    ):
        assert "Open to everyone" in operator.get(reverse(page)).content.decode()


def test_the_start_page_of_an_unused_gateway_has_instructions(operator: Client) -> None:
    page = start(operator)
    assert "No requests in the last 24 hours" in page
    assert "curl http://testserver/v1/chat/completions" in page
    assert "OpenAI(base_url=&quot;http://testserver/v1&quot;" in page
    assert "ChatOpenAI(model=&quot;gpt-4&quot;" in page


def test_the_totals_are_the_sums_of_the_rollups(operator: Client) -> None:
    now = timezone.now()
    record_all(
        [Exchange(messages=[QUESTION, ANSWER], prompt_tokens=1_000, completion_tokens=200, at=now)] * 3
        + [Exchange(messages=[QUESTION, ANSWER], status="upstream_error", http_status=502, at=now)]
        + [Exchange(messages=[QUESTION, ANSWER], at=now - timedelta(days=3))]
    )
    with CaptureQueriesContext(connection) as queries:
        page = start(operator)
    today = page[page.index("<h2>Today</h2>") : page.index("<h2>Last 24 hours</h2>")]
    assert ">4</a></dd>" in today
    assert f"?period={now:%Y-%m-%d}&amp;status=problem" in today
    assert "3,000 in, 600 out" in today
    assert "25.0 %" in today
    assert "gemini-2.5-pro" in page[page.index("Models today") : page.index("Accounts today")]
    assert ">local<" in page[page.index("Accounts today") :]
    reads = [query["sql"] for query in queries if '"sessions_store_usagerecord"' in query["sql"]]
    others = [sql for sql in reads if "LIMIT 1" not in sql]
    assert len(others) == 1, "the start page reads roll-ups, not records"
    assert "GROUP BY" in others[0]


def test_the_end_users_of_the_last_day_are_summed(operator: Client) -> None:
    now = timezone.now()
    record_all(
        [Exchange(messages=[QUESTION, ANSWER], user="ada", at=now - timedelta(hours=hours)) for hours in (1, 2, 30)]
        + [Exchange(messages=[QUESTION, ANSWER], at=now)]
    )
    page = start(operator)
    card = page[page.index("End users, last 24 hours") : page.index("Accounts today")]
    assert '<bdi>ada</bdi></a></td><td class="number">2</td><td class="number">2,400</td>' in card
    assert '"/admin/sessions_store/usagerecord/?period=24h&amp;q=ada"' in card
    assert "no end user" in card


def test_the_start_page_names_no_end_user_without_the_permission_to_view_requests(clerk: Operator) -> None:
    record_all([Exchange(messages=[QUESTION, ANSWER], user="grace.h", at=timezone.now())])
    page = start(clerk("view_usageday"))
    assert "Accounts today" in page
    assert "grace.h" not in page
    assert "/usagerecord/" not in page


def test_the_chart_is_to_scale() -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    counts = [(0, 0), (10, 0), (20, 5)]
    chart = hourly_chart([Hour(begins=hour, requests=requests, errors=errors) for requests, errors in counts])
    assert chart.ceiling == 20
    assert [(bar.height, bar.failed_height) for bar in chart.bars] == [(0, 0), (70, 0), (140, 35)]
    assert not chart.empty
    assert "30 in 3 hours, thereof 5 errors" in chart.description


@pytest.mark.parametrize(("value", "line"), [(0, 1), (1, 1), (3, 5), (11, 20), (50, 50), (51, 100), (4_321, 5_000)])
def test_grid_lines_are_round_numbers(value: int, line: int) -> None:
    assert round_up(value) == line


def test_no_page_needs_inline_code(operator: Client) -> None:
    response = operator.get(reverse("admin:index"))
    page = response.content.decode()
    assert "script-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
