"""The plans of SQLite for every filter and search that a page of a large table offers: an index, a bounded number of
rows, no sort.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sessions_store.admin.pages.keyset import KeysetPage
from sessions_store.models import (
    ChatSession,
    Conversation,
    Message,
    StoredCompletion,
    StoredResponse,
    UsageRecord,
    User,
)
from tests.admin.examples import Exchange, record_all

LARGE: tuple[type[Model], ...] = (ChatSession, Conversation, StoredCompletion, StoredResponse, UsageRecord)
TABLES = [*(model._meta.db_table for model in LARGE), Message._meta.db_table]
ROWS = 12

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL scans tables of a few rows")


@pytest.fixture
def rows(operator: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Every large table with more rows than one page searches."""
    monkeypatch.setattr("sessions_store.admin.pages.keyset.SEARCHED", 3)
    talk = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello!"}]
    now, local = timezone.now(), User.objects.local()
    record_all([Exchange(messages=talk, user=f"ada-{number}", at=now) for number in range(ROWS)])
    for number in range(ROWS):
        at = now - timedelta(minutes=number)
        Conversation.objects.create(public_id=f"conv_{number}", principal=local, created_at=at, last_active_at=at)
        fields = {"principal": local, "request_id": f"req_{number}", "model": "gpt-4", "user": "ada", "created_at": at}
        StoredCompletion.objects.create(public_id=f"chatcmpl-{number}", **fields)
        StoredResponse.objects.create(public_id=f"resp_{number}", status="completed", **fields)
    return operator


def address(model: type[Model]) -> str:
    return reverse(f"admin:sessions_store_{model._meta.model_name}_changelist")


def offered(client: Client, model: type[Model]) -> Iterator[str]:
    """Every filter of a page, alone and for the longest period, pairs of neighbouring filters, and the searches."""
    changelist = client.get(address(model)).context["cl"]
    per_filter = []
    for spec in changelist.filter_specs:
        queries = [choice["query_string"] for choice in spec.choices(changelist)]
        yield from queries
        per_filter.append([query.removeprefix("?") for query in queries if query != "?"])
        yield from (
            f"?period=all&{query}" for query in per_filter[-1] if model is UsageRecord and "period" not in query
        )
    for first, second in pairwise(per_filter):
        yield f"?{first[-1]}&{second[-1]}"
    row = model._default_manager.order_by("id")[0]
    whole_id = getattr(row, "request_id" if model is UsageRecord else "public_id")
    for term in (whole_id, getattr(row, "user", "nobody"), "no such beginning"):
        yield f"?q={term}"
        yield f"?q={term}&period=all" if model is UsageRecord else f"?q={term}"


def plans(client: Client, url: str) -> Iterator[tuple[str, list[str]]]:
    """The statements of a page that read a large table, each with the steps of its plan."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200, url
    for query in queries:
        if query["sql"].startswith("SELECT") and any(f'FROM "{table}"' in query["sql"] for table in TABLES):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                yield query["sql"], [row[3] for row in cursor.fetchall()]


def test_every_large_list_is_a_keyset_list() -> None:
    for model in LARGE:
        assert isinstance(admin.site._registry[model], KeysetPage), model


@pytest.mark.parametrize("model", LARGE)
def test_no_filter_reads_a_whole_table(rows: Client, model: type[Model]) -> None:
    seen = 0
    for query in offered(rows, model):
        for sql, steps in plans(rows, address(model) + query):
            seen += 1
            for step in steps:
                bounded = "LIMIT" in sql and "WHERE" not in sql.partition("LIMIT")[0]
                assert step.startswith("SEARCH") or "SCAN" not in step or (bounded and "INDEX" in step), (query, step)
                assert sql.count('"started_at" >=') <= 1, (query, sql)
                # One end user has few sessions: their order may be made.
                sorts_sessions = any("chat_session_of_user (principal_id=? AND user=?)" in other for other in steps)
                assert "TEMP B-TREE" not in step or sorts_sessions, (query, steps)
    assert seen > 10


@pytest.mark.parametrize("page", ["admin:index", "admin:sessions_store_end_users"])
def test_the_end_users_are_summed_over_a_range_of_time(rows: Client, page: str) -> None:
    [(_, steps)] = [(sql, steps) for sql, steps in plans(rows, reverse(page)) if "GROUP BY" in sql and "user" in sql]
    [read] = [step for step in steps if "usagerecord" in step]
    assert read.startswith("SEARCH")
    assert "started_at>?" in read


def test_a_filter_by_account_walks_the_records_by_time(rows: Client) -> None:
    local = User.objects.local().pk
    for query in (f"?principal={local}", f"?principal={local}&period=all"):
        [(_, [step])] = [
            (sql, [step for step in steps if "usagerecord" in step])
            for sql, steps in plans(rows, address(UsageRecord) + query)
            if "ORDER BY" in sql and "OFFSET" not in sql
        ]
        assert "started_at" in step


def test_the_requests_of_an_end_user_are_found_by_their_index(rows: Client) -> None:
    found = [
        step
        for _, steps in plans(rows, address(UsageRecord) + "?q=ada-3&period=all")
        for step in steps
        if "usage_of_end_user" in step
    ]
    assert any("user=?" in step for step in found)


def test_a_rare_match_is_found_window_by_window(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_store.admin.pages.keyset.SEARCHED", 10)
    talk = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello!"}]
    now = timezone.now()
    old, *rest = record_all(
        [Exchange(messages=talk, at=now - timedelta(minutes=35), stream=True)]
        + [Exchange(messages=talk, at=now - timedelta(minutes=number // 4)) for number in range(35)]
    )
    assert len(rest) == 35
    url, pages = address(UsageRecord) + "?stream=1", []
    for _ in range(4):
        changelist = operator.get(url).context["cl"]
        pages.append([row.pk for row in changelist.result_list])
        if not changelist.older_link:
            break
        assert changelist.searched is not None
        url = address(UsageRecord) + changelist.older_link
    assert pages == [[], [], [], [old.pk]]
    page = operator.get(address(UsageRecord) + "?stream=1").content.decode()
    assert "Nothing matches up to" in page
    assert 'rel="next"' in page


def test_windows_lose_and_repeat_no_row_in_either_direction(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_store.admin.pages.keyset.SEARCHED", 7)
    talk = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello!"}]
    now = timezone.now()
    records = record_all(
        [
            Exchange(messages=talk, at=now - timedelta(minutes=number // 5), stream=number % 3 == 0)
            for number in range(40)
        ]
    )
    expected = sorted((row for row in records if row.stream), key=lambda row: (row.started_at, row.pk), reverse=True)
    for link, start, order in (("older_link", "", 1), ("newer_link", f"&after={records[-5].pk}", -1)):
        url, walked = address(UsageRecord) + "?stream=1" + start, []
        while True:
            changelist = operator.get(url).context["cl"]
            walked += [row.pk for row in changelist.result_list][::order]
            if not getattr(changelist, link):
                break
            url = address(UsageRecord) + getattr(changelist, link)
        wanted = [row.pk for row in expected]
        if link == "newer_link":
            edge = (records[-5].started_at, records[-5].pk)
            wanted = [row.pk for row in reversed(expected) if (row.started_at, row.pk) > edge]
        assert walked == wanted


def test_the_search_ends_with_the_period(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_store.admin.pages.keyset.SEARCHED", 10)
    talk = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello!"}]
    now = timezone.now()
    record_all([Exchange(messages=talk, at=now - timedelta(minutes=20 * number)) for number in range(40)])
    for period, pages in (("1h", 1), ("24h", 4)):
        url = address(UsageRecord) + f"?stream=1&period={period}"
        for page in range(pages):
            changelist = operator.get(url).context["cl"]
            assert bool(changelist.older_link) is (page < pages - 1), (period, page)
            url = address(UsageRecord) + changelist.older_link
