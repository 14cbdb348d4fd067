"""Usage records and days: their display, fast lists, and the sent requests."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from sessions_store.admin.display.sent_body import sent_body
from sessions_store.models import Message, ModelPrice, UpstreamRequest, UsageRecord
from tests.admin.conftest import Operator
from tests.admin.examples import REST, Exchange, record, record_all

LIST = "admin:sessions_store_usagerecord_changelist"
DAYS = "admin:sessions_store_usageday_changelist"
QUESTION = {"role": "user", "content": "Hello?"}
ANSWER = {"role": "assistant", "content": "Hello!"}


def ids(operator: Client, address: str) -> tuple[list[int], str]:
    """Return the primary keys on a list page, and the address of its link to older ones."""
    page = operator.get(address).content.decode()
    rows = page.split("field-started")[1:]
    keys = [int(row.partition("usagerecord/")[2].partition("/")[0]) for row in rows]
    older = page.partition('" rel="next"')[0].rpartition('href="')[2] if 'rel="next"' in page else ""
    return keys, older.replace("&amp;", "&")


def detail(operator: Client, usage: UsageRecord) -> str:
    return operator.get(reverse("admin:sessions_store_usagerecord_change", args=[usage.pk])).content.decode()


def downloaded(response: Any) -> str:
    """Read a streamed response like an ASGI server."""

    async def collect() -> bytes:
        return b"".join([chunk async for chunk in response])

    return async_to_sync(collect)().decode()


def test_pages_are_read_by_key_without_a_count(operator: Client) -> None:
    now = timezone.now()
    # Many records with one timestamp: no page may lose or repeat a record.
    rows = record_all([Exchange(messages=[QUESTION, ANSWER], at=now - timedelta(minutes=n // 40)) for n in range(130)])
    address, walked = reverse(LIST), []
    with CaptureQueriesContext(connection) as queries:
        while True:
            page, older = ids(operator, address)
            walked += page
            if not older:
                break
            address = reverse(LIST) + older
    expected = sorted(rows, key=lambda row: (row.started_at, row.pk), reverse=True)
    assert walked == [row.pk for row in expected]
    statements = [query["sql"] for query in queries if '"sessions_store_usagerecord"' in query["sql"]]
    assert statements
    assert not [sql for sql in statements if "COUNT(" in sql or "OFFSET" in sql or "DISTINCT" in sql]


def test_pages_link_back_to_newer_pages(operator: Client) -> None:
    now = timezone.now()
    rows = record_all([Exchange(messages=[QUESTION, ANSWER], at=now - timedelta(minutes=n)) for n in range(120)])
    newest_first = [row.pk for row in rows]
    page, _ = ids(operator, reverse(LIST) + f"?after={newest_first[99]}")
    assert page == newest_first[49:99]
    assert ids(operator, reverse(LIST) + "?before=99999999")[0] == newest_first[:50]
    assert ids(operator, reverse(LIST) + "?before=nonsense")[0] == newest_first[:50]


def test_a_page_of_many_records_needs_few_queries(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    record_all([Exchange(messages=[QUESTION, ANSWER], user=f"user-{number}") for number in range(300)])
    with django_assert_max_num_queries(9):
        assert operator.get(reverse(LIST)).status_code == 200


def test_the_last_24_hours_are_shown_by_default(operator: Client) -> None:
    now = timezone.now()
    recent, older, ancient = record_all(
        [Exchange(messages=[QUESTION, ANSWER], at=now - timedelta(days=days)) for days in (0, 3, 400)]
    )
    day = older.started_at.astimezone(UTC)
    cases = {
        "": [recent],
        "?period=7d": [recent, older],
        "?period=all": [recent, older, ancient],
        f"?period={day:%Y-%m-%d}": [older],
        "?period=nonsense": [recent],
    }
    for query, expected in cases.items():
        assert ids(operator, reverse(LIST) + query)[0] == [row.pk for row in expected], query


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?status=timeout", [1]),
        ("?status=problem", [1, 2]),
        ("?upstream_model=gemini-3.8-flash", [0]),
        ("?public_model=gpt-4", [1]),
        ("?stream=1", [2]),
        ("?principal=nobody", []),
        ("?q=ada", [0]),
        ("?q=da", []),
    ],
)
def test_records_are_filtered_and_searched(operator: Client, query: str, expected: list[int]) -> None:
    rows = record_all(
        [
            Exchange(messages=[QUESTION, ANSWER], user="ada.l", public_model="o3", upstream_model="gemini-3.8-flash"),
            Exchange(messages=[QUESTION, ANSWER], status="timeout", http_status=504),
            Exchange(messages=[QUESTION, ANSWER], status="client_closed", public_model="o3", stream=True),
        ]
    )
    assert sorted(ids(operator, reverse(LIST) + query)[0]) == [rows[number].pk for number in expected]


@pytest.mark.parametrize("query", ["upstream_model=gemini-4-carbon", "public_model=gpt-4-turbo", "principal=987654"])
def test_a_filter_value_without_usage_reads_no_records(operator: Client, query: str) -> None:
    record(Exchange(messages=[QUESTION, ANSWER]))
    with CaptureQueriesContext(connection) as queries:
        assert ids(operator, reverse(LIST) + f"?period=all&{query}")[0] == []
    assert not [query for query in queries if 'FROM "sessions_store_usagerecord"' in query["sql"]]


def test_a_model_filter_reads_only_the_days_with_usage_of_the_model(operator: Client) -> None:
    now = timezone.now()
    rare = record_all(
        [
            Exchange(
                messages=[QUESTION, ANSWER], upstream_model="gemini-3.1-pro-preview", at=now - timedelta(days=days)
            )
            for days in (40, 38)
        ]
    )
    record_all([Exchange(messages=[QUESTION, ANSWER], at=now - timedelta(days=days)) for days in (0, 39, 100)])
    address = reverse(LIST) + "?period=all&upstream_model=gemini-3.1-pro-preview"
    with CaptureQueriesContext(connection) as queries:
        assert ids(operator, address)[0] == [rare[1].pk, rare[0].pk]
    [listed] = [query["sql"] for query in queries if 'ORDER BY "sessions_store_usagerecord"' in query["sql"]]
    assert f"{rare[0].started_at:%Y-%m-%d} 00:00:00" in listed
    assert f"{rare[1].started_at + timedelta(days=1):%Y-%m-%d} 00:00:00" in listed


def test_a_request_id_is_found_in_any_period(operator: Client) -> None:
    old = record(Exchange(messages=[QUESTION, ANSWER], at=timezone.now() - timedelta(days=300)))
    assert ids(operator, reverse(LIST) + f"?q={old.request_id}")[0] == [old.pk]
    assert ids(operator, reverse(LIST) + f"?q={old.request_id[:-1]}")[0] == []


def test_a_record_shows_all_fields_of_its_exchange(operator: Client) -> None:
    price = ModelPrice.objects.get(model__name="gemini-2.5-pro", tier="standard", valid_from__lt="2026-01-01")
    usage = record(
        Exchange(
            messages=[QUESTION, ANSWER],
            user="ada",
            prompt_tokens=1_000_000 // 8,
            completion_tokens=1_000,
            notes=[("dropped", "logit_bias", "Gemini has no such parameter")],
            metadata={"order": "4711"},
        )
    )
    page = detail(operator, usage)
    for text in ("logit_bias", "Gemini has no such parameter", "4711", "promptTokenCount", "ignored", usage.request_id):
        assert text in page, text
    nano = usage.prompt_tokens * price.input * 1000 + usage.completion_tokens * price.output * 1000
    assert usage.cost_nano == nano
    assert f"${usage.cost_nano / 1_000_000_000:.6f}".rstrip("0") in page
    assert "Other kinds of input" not in page


def test_notes_on_several_messages_are_one_line(operator: Client) -> None:
    notes = [("dropped", f"remembered[{index}].thought_signature", "another model family") for index in range(5)]
    single = ("clamped", "messages[7].content", "to 5")
    page = detail(operator, record(Exchange(messages=[QUESTION, ANSWER], notes=[*notes, single])))
    assert "remembered[…].thought_signature" in page
    assert "another model family (5 times)" in page
    assert page.count("another model family") == 1
    assert "messages[7].content" in page


def test_a_right_to_left_model_name_does_not_change_its_line(operator: Client) -> None:
    turned = "gpt-4-\u202eevil"
    usage = record(Exchange(messages=[QUESTION, ANSWER], public_model=turned))
    assert f'<bdi class="name">{turned}</bdi>' in operator.get(reverse(LIST)).content.decode()
    assert f"<bdi>{turned}</bdi>" in detail(operator, usage)


def test_rule_098_searches_are_lines_of_the_cost(operator: Client) -> None:
    def searched(model: str) -> str:
        exchange = Exchange(messages=[QUESTION, ANSWER], upstream_model=model, search_queries=3, tool_tokens=1_000_000)
        return detail(operator, record(exchange))

    page = searched("gemini-3.8-flash")
    assert '<td>Google Search queries</td><td class="number">3</td><td class="number">$14.00 per 1,000</td>' in page
    assert "$0.042<" in page
    assert "Prompts with Google Search" not in page
    assert "Other kinds of input" not in page  # the tokens of the search are in none of the lines
    page = searched("gemini-2.5-pro")
    assert (
        '<td>Prompts with Google Search</td><td class="number">1</td><td class="number">$35.00 per 1,000</td>' in page
    )
    assert "$0.035<" in page


def test_a_sent_request_is_rebuilt(operator: Client) -> None:
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One."},
        {"role": "user", "content": "Two."},
        {"role": "assistant", "content": "Three."},
        {"role": "user", "content": "Four."},
        {"role": "user", "content": "Not sent."},
        {"role": "assistant", "content": "Five."},
    ]
    usage = record(Exchange(messages=talk, user="ada"))
    # The instructions of the session are first in the placement; here the conversation's system message has them.
    system = Message.objects.get(role="system")
    usage.system_ids, usage.placement = [system.pk.hex], [-1, -2, 0, 0, 1, 2, -2]
    usage.save()
    body = sent_body(usage).body
    assert body == {
        **REST,
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "One."}, {"text": "Two."}]},
            {"role": "model", "parts": [{"text": "Three."}]},
            {"role": "user", "parts": [{"text": "Four."}]},
        ],
    }
    page = detail(operator, usage)
    assert escape('"text": "Four."') in page
    assert "Not sent." not in page


def test_a_rebuilt_request_has_only_the_sent_messages(operator: Client) -> None:
    talk = [{"role": "user", "content": "Old."}, ANSWER, {"role": "user", "content": "New."}, ANSWER]
    usage = record(Exchange(messages=talk))
    UsageRecord.objects.filter(pk=usage.pk).update(placement=[0])
    body = sent_body(UsageRecord.objects.get(pk=usage.pk)).body
    assert body is not None
    assert body["contents"] == [{"role": "user", "parts": [{"text": "New."}]}]


def test_a_request_that_cannot_be_rebuilt_shows_the_reason(operator: Client) -> None:
    usage = record(Exchange(messages=[QUESTION, ANSWER]))
    UsageRecord.objects.filter(pk=usage.pk).update(message_id=UUID(int=5))
    assert "were deleted" in detail(operator, usage)
    UpstreamRequest.objects.all().delete()
    assert "The conversation was deleted" in detail(operator, usage)
    UsageRecord.objects.filter(pk=usage.pk).update(upstream_request_id=None)
    assert "Nothing was sent" in detail(operator, usage)


def test_the_download_has_the_filtered_records(operator: Client) -> None:
    hostile = Exchange(messages=[QUESTION, ANSWER], user="=HYPERLINK(1)", public_model="o3")
    rows = record_all([hostile, Exchange(messages=[QUESTION, ANSWER], status="timeout", http_status=504)])
    response = operator.get(reverse("admin:sessions_store_usage_export"), {"status": "ok"})
    assert response["Content-Type"].startswith("text/csv")
    (line,) = csv.DictReader(io.StringIO(downloaded(response)))
    assert line["request_id"] == rows[0].request_id
    assert line["user"] == "'=HYPERLINK(1)"
    assert line["account"] == "local"
    assert line["cost_nano"] == str(rows[0].cost_nano)
    assert datetime.fromisoformat(line["started_at"]) == rows[0].started_at


def test_the_download_is_fetched_in_chunks(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_store.admin.pages.usage_records.CHUNK", 7)
    rows = record_all([Exchange(messages=[QUESTION, ANSWER], at=timezone.now())] * 21)
    response = operator.get(reverse("admin:sessions_store_usage_export"))
    lines = list(csv.DictReader(io.StringIO(downloaded(response))))
    assert [line["request_id"] for line in lines] == [row.request_id for row in reversed(rows)]


def test_days_have_totals_by_model(operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    now = timezone.now()
    record_all(
        [Exchange(messages=[QUESTION, ANSWER], at=now)] * 2
        + [Exchange(messages=[QUESTION, ANSWER], at=now, upstream_model="gemini-3.8-flash")]
        + [Exchange(messages=[QUESTION, ANSWER], at=now - timedelta(days=10))]
        + [Exchange(messages=[QUESTION, ANSWER], at=now - timedelta(days=60))]
    )
    with django_assert_max_num_queries(6):
        page = operator.get(reverse(DAYS)).content.decode()
    assert page.count("<tbody>") == 2
    assert "3 requests" in page
    assert f"?period={now:%Y-%m-%d}" in page
    assert operator.get(reverse(DAYS), {"days": "90"}).content.decode().count("<tbody>") == 3
    assert operator.get(reverse(DAYS), {"days": "7"}).content.decode().count("<tbody>") == 1
    assert operator.get(reverse(DAYS), {"days": "7000"}).content.decode().count("<tbody>") == 2


def test_days_without_requests_have_a_message(clerk: Operator) -> None:
    page = clerk("view_usageday").get(reverse(DAYS)).content.decode()
    assert "No requests in these days." in page


def test_metadata_of_gemini_is_shown_unchanged(operator: Client) -> None:
    usage = record(Exchange(messages=[QUESTION, ANSWER]))
    UsageRecord.objects.filter(pk=usage.pk).update(usage_metadata=[{"newThing": {"count": 3}}])
    assert escape('"newThing": {') in detail(operator, usage)
