"""Usage and costs by OpenAI's admin client: exactly the roll-ups, the admin's figures and the usage records (governance
G16).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from django.core.management import call_command
from django.db.models import Sum
from openai import BadRequestError, OpenAI

from sessions_store.admin.display.usage_totals import totals
from sessions_store.models import Budget, BudgetWindow, ModelPrice, UsageDay, UsageRecord
from sessions_store.usage.rollups import differences
from sessions_store.writing.records import ExchangeRecord, UsageRow
from sessions_store.writing.writer import write_batch
from tests.api.governance.organization import Clients, strictly
from tests.exchanges import chat_message, fresh
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway

MODEL = "gemini-3.8-flash"
MONTH = datetime(2026, 9, 5, tzinfo=UTC)  # no other test writes in these months
OTHER_MONTH = datetime(2026, 8, 5, tzinfo=UTC)
FAMILIES = {
    "audio_speeches": ["project_id", "user_id", "api_key_id", "model"],
    "audio_transcriptions": ["model"],
    "code_interpreter_sessions": ["project_id"],
    "decisions": ["batch", "service_tier"],
    "embeddings": ["model"],
    "file_search_calls": ["vector_store_id"],
    "images": ["size", "source"],
    "moderations": ["user_id"],
    "vector_stores": ["project_id"],
}


@pytest.fixture
def admin(gateway: LiveGateway, issued: Issued) -> Iterator[OpenAI]:
    """OpenAI's client with an admin key."""
    with Clients(gateway) as connected:
        yield connected.admin(issued.admin_key())


def stamp(time: datetime) -> int:
    """Return a time in Unix seconds."""
    return int(time.timestamp())


def record(principal_id: int, at: datetime, random: Random, **columns: Any) -> ExchangeRecord:
    """Return a random exchange at a time."""
    prompt, output = random.randint(1, 5000), random.randint(1, 900)
    cached = random.choice([0, random.randint(0, prompt)])
    audio = random.randint(0, (prompt - cached) // 2)
    metadata = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "cachedContentTokenCount": cached,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": prompt - audio},
            {"modality": "AUDIO", "tokenCount": audio},
        ],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": cached}],
    }
    given: dict[str, Any] = {
        "request_id": f"req_{uuid4().hex}",
        "principal_id": principal_id,
        "owner_id": principal_id,
        "endpoint": random.choice(["chat.completions", "responses", "completions"]),
        "status": random.choice(["ok", "ok", "ok", "client_closed"]),
        "http_status": 200,
        "public_model": random.choice(["gpt-4", MODEL]),
        "upstream_model": random.choice([MODEL, "gemini-2.5-flash"]),
        "service_tier": random.choice(["standard", "", "flex"]),
        "prompt_tokens": prompt,
        "cached_tokens": cached,
        "completion_tokens": output,
        "attempts": 1,
        "search_queries": random.choice([0, 0, 0, 3]),
        "usage_metadata": [metadata],
        "latency_ms": random.randint(1, 3000),
        "started_at": at,
    }
    return ExchangeRecord(usage=UsageRow(**(given | columns)))


def random_month(issued: Issued, month: datetime, count: int = 160) -> list[Any]:
    """Write exchanges of three keys in two projects over thirty days, and return the rows of the keys."""
    random = Random(month.month)  # noqa: S311 - the same month in every run
    projects = [issued.project(), issued.project()]
    keys = [issued.key(project)[0] for project in (*projects, projects[0])]
    records = []
    for _ in range(count):
        key = random.choice(keys)
        at = month + timedelta(seconds=random.randrange(30 * 86_400))
        records.append(record(key.principal_id, at, random, key_id=key.pk, project_id=key.project_id))
    for start in range(0, count, 16):
        write_batch(records[start : start + 16])
    return keys


def all_buckets(first: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the results of a page's buckets as objects with their start."""
    for bucket in first.data:
        for result in bucket.results:
            yield {"start": bucket.start_time, **result.model_dump()}


def spent(keys: Sequence[Any]) -> int:
    """Return the cost of the usage records of some keys in nano-USD."""
    found = UsageRecord.objects.filter(key_id__in=[key.pk for key in keys]).aggregate(total=Sum("cost_nano"))["total"]
    return int(found)


def reprice(month: datetime, factor: int) -> None:
    """Multiply all prices, and price the month again."""
    for price in ModelPrice.objects.filter(model__name__in=[MODEL, "gemini-2.5-flash"]):
        price.input *= factor
        price.save()
    call_command("reprice", start=month.date(), end=month.date() + timedelta(days=30), stdout=StringIO())


def test_g16_costs_equal_the_usage_records_over_a_month_with_reprices(admin: OpenAI, issued: Issued) -> None:
    keys = random_month(issued, MONTH)
    usage = admin.admin.organization.usage
    ids = [key.public_id for key in keys]
    period: dict[str, Any] = {"start_time": stamp(MONTH), "end_time": stamp(MONTH + timedelta(days=30)), "limit": 30}

    before = dict(ModelPrice.objects.values_list("pk", "input"))
    try:
        for factor in (1, 3):
            reprice(MONTH, factor)
            expected = spent(keys)
            for group_by in (
                [],
                ["line_item"],
                ["project_id"],
                ["api_key_id", "line_item"],
                ["project_id", "user_id", "line_item", "api_key_id", "api_source"],
            ):
                costs = strictly(usage.costs, api_key_ids=ids, group_by=group_by, **period)
                results = list(all_buckets(costs))
                assert sum(result["amount_nano"] for result in results) == expected > 0
                assert all(result["amount"]["value"] == result["amount_nano"] / 1e9 for result in results)
                assert len(costs.data) == 30
            mine = UsageDay.objects.filter(key_id__in=[key.pk for key in keys])
            assert totals(mine).cost_nano == expected
            assert list(differences(MONTH, MONTH + timedelta(days=30))) == []
    finally:
        for pk, price in before.items():
            ModelPrice.objects.filter(pk=pk).update(input=price)
        reprice(MONTH, 1)


def test_g16_usage_equals_the_admins_figures_by_every_group_and_width(admin: OpenAI, issued: Issued) -> None:
    keys = random_month(issued, OTHER_MONTH)
    usage = admin.admin.organization.usage
    ids = [key.public_id for key in keys]
    figures = totals(UsageDay.objects.filter(key_id__in=[key.pk for key in keys]))
    end = stamp(OTHER_MONTH + timedelta(days=30))

    for group_by in (
        [],
        ["project_id"],
        ["user_id", "api_key_id"],
        ["model", "service_tier", "batch"],
        ["batch"],
        ["project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "api_source"],
    ):
        found = strictly(
            usage.completions,
            start_time=stamp(OTHER_MONTH),
            end_time=end,
            limit=30,
            api_key_ids=ids,
            group_by=group_by,
        )
        results = list(all_buckets(found))
        assert sum(result["num_model_requests"] for result in results) == figures.requests
        assert sum(result["input_tokens"] for result in results) == figures.prompt_tokens
        assert sum(result["input_cached_tokens"] for result in results) == figures.cached_tokens
        assert sum(result["output_tokens"] for result in results) == figures.completion_tokens
        for result in results:
            grouped = {name for name in ("project_id", "user_id", "api_key_id", "model", "api_source") if result[name]}
            assert grouped == set(group_by) - {"batch", "service_tier"}
            fresh_tokens = result["input_text_tokens"] + result["input_audio_tokens"] + result["input_image_tokens"]
            assert fresh_tokens == result["input_uncached_tokens"]
            assert fresh_tokens + result["input_cached_tokens"] == result["input_tokens"]
        groups = [(result["start"], *(result[name] for name in group_by)) for result in results]
        assert len(set(groups)) == len(groups)
        if "service_tier" in group_by:
            assert {result["service_tier"] for result in results} == {"default", "flex"}
    one_day = strictly(usage.completions, start_time=stamp(OTHER_MONTH), bucket_width="1h", limit=24, api_key_ids=ids)
    by_hour = sum(result["input_tokens"] for result in all_buckets(one_day))
    day = UsageDay.objects.filter(key_id__in=[key.pk for key in keys], bucket=OTHER_MONTH)
    assert by_hour == totals(day).prompt_tokens
    assert len(one_day.data) == 24
    searches = strictly(usage.web_search_calls, start_time=stamp(OTHER_MONTH), end_time=end, limit=30, api_key_ids=ids)
    queries = UsageRecord.objects.filter(key_id__in=[key.pk for key in keys]).aggregate(total=Sum("search_queries"))
    assert sum(result["num_requests"] for result in all_buckets(searches)) == queries["total"]


def test_g16_filters_select_projects_users_keys_models_and_batches(admin: OpenAI, issued: Issued) -> None:
    keys = random_month(issued, OTHER_MONTH, count=40)
    usage = admin.admin.organization.usage

    def requests(**filters: Any) -> int:
        found = strictly(
            usage.completions,
            start_time=stamp(OTHER_MONTH),
            end_time=stamp(OTHER_MONTH + timedelta(days=30)),
            limit=30,
            **filters,
        )
        return sum(result["num_model_requests"] for result in all_buckets(found))

    def recorded(**columns: Any) -> int:
        return UsageRecord.objects.filter(started_at__gte=OTHER_MONTH, started_at__lt=MONTH).filter(**columns).count()

    first = keys[0]
    assert requests(project_ids=[first.project.public_id]) == recorded(project=first.project)
    assert requests(user_ids=[first.principal.public_id]) == recorded(principal=first.principal)
    assert requests(api_key_ids=[first.public_id], models=[MODEL]) == recorded(key=first, upstream_model=MODEL)
    assert requests(project_ids=["proj_unknown"]) == 0
    assert requests(project_ids=[first.project.public_id], batch=True) == 0
    assert requests(project_ids=[first.project.public_id], batch=False) == recorded(project=first.project)


def test_g16_pages_of_buckets_join_without_gap(admin: OpenAI) -> None:
    usage = admin.admin.organization.usage
    start, page, seen = stamp(MONTH) + 4000, None, list[int]()

    for _ in range(4):
        given: dict[str, Any] = {} if page is None else {"page": page}
        found = strictly(
            usage.completions, start_time=start, end_time=start + 10 * 3600, bucket_width="1h", limit=3, **given
        )
        seen += [bucket.start_time for bucket in found.data]
        page = found.next_page
        assert found.has_more is (page is not None)

    assert page is None
    assert seen == [stamp(MONTH) + 3600 * hour for hour in range(1, 12)]


@pytest.mark.parametrize("family", FAMILIES)
def test_g15_families_without_endpoints_have_empty_buckets(admin: OpenAI, family: str) -> None:
    method = getattr(admin.admin.organization.usage, family)

    found = strictly(method, start_time=stamp(MONTH), end_time=stamp(MONTH) + 3 * 86_400, group_by=FAMILIES[family])

    assert [(bucket.end_time - bucket.start_time, bucket.results) for bucket in found.data] == [(86_400, [])] * 3


def test_g16_a_collector_reads_each_minute_by_project_key_and_model(
    gateway: LiveGateway, issued: Issued, http: httpx2.Client
) -> None:
    """The requests of Zabbix and of Coralogix, with arrays in both spellings."""
    admin_key, project = issued.admin_key(), issued.project()
    key, value = issued.key(project)
    with Clients(gateway) as clients:
        for _ in range(3):
            clients.client(value).chat.completions.create(model="gpt-4", messages=[chat_message("Hi")])
    record = UsageRecord.objects.filter(key=key).latest("pk")
    assert record.project_id == project.pk

    for bracket in ("[]", ""):
        pairs: list[tuple[str, Any]] = [
            ("start_time", str(int(time.time()) - 600)),
            ("bucket_width", "1m"),
            ("limit", "1440"),
            (f"project_ids{bracket}", project.public_id),
            *((f"group_by{bracket}", name) for name in ("project_id", "api_key_id", "model", "public_model")),
        ]
        found = http.get(
            "/v1/organization/usage/completions", params=pairs, headers={"Authorization": f"Bearer {admin_key}"}
        ).json()
        results = [result for bucket in found["data"] for result in bucket["results"]]
        assert sum(result["num_model_requests"] for result in results) == 3
        assert {
            (result["project_id"], result["api_key_id"], result["model"], result["public_model"]) for result in results
        } == {(project.public_id, key.public_id, record.upstream_model, "gpt-4")}
        assert sum(result["output_tokens"] for result in results) == 3 * record.completion_tokens


@pytest.mark.parametrize(
    ("path", "given", "param"),
    [
        ("usage/completions", "", "start_time"),
        ("usage/completions", "start_time=yesterday", "start_time"),
        ("usage/completions", "start_time=9999999999999", "start_time"),
        ("usage/completions", "start_time=5&end_time=5", "end_time"),
        ("usage/completions", "start_time=5&bucket_width=1w", "bucket_width"),
        ("usage/completions", "start_time=5&limit=32", "limit"),
        ("usage/completions", "start_time=5&limit=169&bucket_width=1h", "limit"),
        ("usage/completions", "start_time=5&limit=1441&bucket_width=1m", "limit"),
        ("usage/completions", "start_time=5&group_by[]=colour", "group_by"),
        ("usage/completions", "start_time=5&page=page_AAAAAAAB", "page"),
        ("usage/completions", "start_time=5&page=5", "page"),
        ("usage/completions", "start_time=5&batch=maybe", "batch"),
        ("usage/completions", "start_time=5&sizes[]=256x256", "sizes[]"),
        ("usage/embeddings", "start_time=5&batch=true", "batch"),
        ("usage/vector_stores", "start_time=5&models[]=a", "models[]"),
        ("costs", "start_time=5&bucket_width=1h", "bucket_width"),
        ("costs", "start_time=5&limit=181", "limit"),
        ("costs", "start_time=5&group_by[]=model", "group_by"),
    ],
)
def test_g15_wrong_usage_queries_name_the_parameter(
    issued: Issued, http: httpx2.Client, path: str, given: str, param: str
) -> None:
    found = http.get(f"/v1/organization/{path}?{given}", headers={"Authorization": f"Bearer {issued.admin_key()}"})

    assert (found.status_code, found.json()["error"]["param"]) == (400, param)


def test_g16_line_items_filter_costs_by_their_exact_name(admin: OpenAI, issued: Issued) -> None:
    keys = random_month(issued, OTHER_MONTH, count=30)
    usage = admin.admin.organization.usage
    period: dict[str, Any] = {
        "start_time": stamp(OTHER_MONTH),
        "end_time": stamp(OTHER_MONTH + timedelta(days=30)),
        "limit": 30,
        "api_key_ids": [key.public_id for key in keys],
    }
    wanted = f"{MODEL}, output_tokens"

    every = list(all_buckets(strictly(usage.costs, group_by=["line_item"], **period)))
    found = list(all_buckets(strictly(usage.costs, line_items=[wanted], **period)))

    named = [result for result in every if result["line_item"] == wanted]
    assert sum(result["amount_nano"] for result in found) == sum(result["amount_nano"] for result in named) > 0
    assert all(result["line_item"] is None for result in found)
    output = UsageRecord.objects.filter(key__in=keys, upstream_model=MODEL).aggregate(total=Sum("completion_tokens"))
    assert sum(result["quantity"] for result in named) == output["total"]
    assert {result["quantity_unit"] for result in named} == {"tokens"}


def test_g37_the_spend_limit_is_the_monthly_hard_budget_in_cents(admin: OpenAI, issued: Issued) -> None:

    project = issued.project()
    limits = admin.admin.organization.projects.spend_limit

    created = strictly(limits.update, project.public_id, currency="USD", interval="month", threshold_amount=1250)

    budget = Budget.objects.get(project=project)
    assert (budget.amount_nano, budget.period, budget.enforcement) == (12_500_000_000, "month", "hard")
    assert (created.threshold_amount, created.enforcement.status) == (1250, "inactive")
    today = datetime.now(UTC).date()
    BudgetWindow.objects.create(budget=budget, starts_on=today.replace(day=1), spent_nano=12_500_000_000)
    assert strictly(limits.retrieve, project.public_id).enforcement.status == "enforcing"
    strictly(limits.update, project.public_id, currency="USD", interval="month", threshold_amount=1300)
    assert strictly(limits.retrieve, project.public_id).enforcement.status == "inactive"
    assert Budget.objects.filter(project=project).count() == 1
    assert strictly(limits.delete, project.public_id).deleted
    assert not Budget.objects.filter(project=project).exists()
    with pytest.raises(BadRequestError) as rejected:
        limits.update(project.public_id, currency="EUR", interval="month", threshold_amount=1)  # type: ignore[arg-type]
    assert rejected.value.param == "currency"


def test_g37_spend_alerts_are_budgets_that_alert_only(admin: OpenAI, issued: Issued) -> None:

    project, name = issued.project(), fresh("cost")
    for alerts, place in (
        (admin.admin.organization.projects.spend_alerts, [project.public_id]),
        (admin.admin.organization.spend_alerts, []),
    ):
        method: Any = alerts
        options = {"project_id": place[0]} if place else {}
        body: dict[str, Any] = {
            "currency": "USD",
            "interval": "month",
            "threshold_amount": 500,
            "notification_channel": {"type": "email", "recipients": ["ops@example.com"], "subject_prefix": name},
        }
        created = strictly(method.create, *place, **body)
        assert created.notification_channel.subject_prefix == name
        budget = Budget.objects.get(spend_alert__public_id=created.id)
        assert (budget.amount_nano, budget.enforcement) == (5_000_000_000, "soft")
        assert (
            strictly(method.update, created.id, **options, **(body | {"threshold_amount": 700})).threshold_amount == 700
        )
        assert strictly(method.retrieve, created.id, **options).threshold_amount == 700
        assert created.id in [alert.id for alert in method.list(*place, limit=1)]
        assert strictly(method.list, *place, order="desc").data[0].id == created.id
        for channel in ({}, {"type": "email"}, {"type": "email", "recipients": ["nobody"]}):
            with pytest.raises(BadRequestError) as rejected:
                method.create(*place, **(body | {"notification_channel": channel}))
            assert (rejected.value.param or "").startswith("notification_channel.")
        assert strictly(method.delete, created.id, **options).deleted
        assert not Budget.objects.filter(pk=budget.pk).exists()
