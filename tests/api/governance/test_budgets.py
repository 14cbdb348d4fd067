"""Budgets through the live gateway: refusals, settlement, strict budgets, alerts (governance G28 to G38)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from django.core.management import call_command
from openai import BadRequestError, OpenAI, RateLimitError

from sessions_store.models import (
    Budget,
    BudgetAlert,
    BudgetWindow,
    ModelPrice,
    Project,
    RateLimit,
    UpstreamModel,
    UsageRecord,
)
from tests.emulator_control import Emulator, text_chunks
from tests.exchanges import chat_message, fresh
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

MODEL = "gemini-3.8-flash"
USD = 10**9
# So little that one request of fifty tokens reserves nearly all of it, and the worker takes no slice.
SMALL = 200_000


Connect = Callable[..., OpenAI]


@pytest.fixture
def sdk(gateway: LiveGateway) -> Iterator[Connect]:
    """OpenAI's client with a key."""
    with ExitStack() as clients:

        def connect(key: str, max_retries: int = 0) -> OpenAI:
            return clients.enter_context(OpenAI(base_url=gateway.base_url, api_key=key, max_retries=max_retries))

        yield connect


def say_hello(client: OpenAI, **parameters: Any) -> Any:
    """Return a raw chat completion."""
    wanted = {"model": MODEL, "messages": [chat_message("Hi")], "max_tokens": 50, **parameters}
    return client.chat.completions.with_raw_response.create(**wanted)


def budget_of(project: Project, amount_nano: int, **columns: Any) -> Budget:
    """Create a budget of a project."""
    return Budget.objects.create(
        **{"scope": "project", "project": project, "name": fresh("budget"), "amount_nano": amount_nano, **columns}
    )


def cost_of(project: Project) -> int:
    """Return the sum of the costs of a project's usage records."""
    return sum(UsageRecord.objects.filter(project_id=project.pk).values_list("cost_nano", flat=True))


def spent(budget: Budget) -> int:
    """Return what the only window of a budget has spent."""
    return BudgetWindow.objects.get(budget=budget).spent_nano


def test_g30_a_budget_has_spent_what_its_usage_records_cost(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    hard, soft = budget_of(project, 10 * USD), budget_of(project, 1 * USD, enforcement="soft", period="day")

    for _ in range(3):
        say_hello(client)
    list(client.chat.completions.create(model=MODEL, messages=[chat_message("Hi")], stream=True))
    client.responses.create(model=MODEL, input="Hello", store=False)

    assert cost_of(project) > 0
    assert spent(hard) == spent(soft) == cost_of(project)


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ("project", "project_spend_limit_exceeded"),
        ("gateway", "organization_spend_limit_exceeded"),
        ("principal", "insufficient_quota"),
        ("key", "insufficient_quota"),
    ],
)
def test_g33_a_spent_budget_refuses_without_retries(
    sdk: Connect, issued: Issued, emulator: Emulator, scope: str, code: str
) -> None:
    row, key = issued.key(issued.project())
    subject = {"project": row.project, "principal": row.principal, "key": row}
    named = {scope: subject[scope]} if scope in subject else {}
    budget = Budget.objects.create(
        scope=scope, name=fresh("budget"), amount_nano=0, period="day", time_zone="Europe/Berlin", **named
    )
    try:
        with pytest.raises(RateLimitError) as refused:
            say_hello(sdk(key, max_retries=2))
    finally:
        budget.delete()

    error = refused.value
    assert (error.status_code, error.type, error.code) == (429, "insufficient_quota", code)
    assert error.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in error.response.headers
    assert budget.name in error.message
    assert "0.00 USD per day" in error.message
    assert "00:00 Europe/Berlin" in error.message
    assert emulator.count() == 0
    assert UsageRecord.objects.filter(key_id=row.pk).count() == 1


def test_g33_a_stream_and_a_background_response_are_refused_before_they_begin(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget_of(project, 0)

    with pytest.raises(RateLimitError):
        client.chat.completions.create(model=MODEL, messages=[chat_message("Hi")], stream=True)
    with pytest.raises(RateLimitError):
        client.responses.create(model=MODEL, input="Hello", background=True)


def test_g28_a_budget_of_a_model_pattern_counts_its_models_only(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget_of(project, 0, model_pattern="gemini-2.5-*")

    say_hello(client)
    with pytest.raises(RateLimitError):
        say_hello(client, model="gemini-2.5-flash")


def test_g31_a_request_that_may_cost_more_than_is_left_is_refused(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget_of(project, USD // 10_000)

    say_hello(client, max_tokens=10)
    with pytest.raises(RateLimitError, match="left, less than this request may cost"):
        say_hello(client, max_tokens=60_000)


def test_g32_a_strict_budget_limits_the_output(sdk: Connect, issued: Issued, emulator: Emulator) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget = budget_of(project, USD // 1000, enforcement="strict")
    prompt = "Write the numbers from 1 to 5000."

    answer = say_hello(client, max_tokens=None, messages=[chat_message(prompt)])

    sent = next(emulator.bodies())["generationConfig"]["maxOutputTokens"]
    price = ModelPrice.objects.filter(
        model__name=MODEL, tier="standard", valid_from__lte=datetime.now(UTC).date()
    ).latest("valid_from")
    assert 0 < sent * price.output * 1000 <= budget.amount_nano
    assert "clamped max_tokens" in answer.headers["x-gateway-notes"]


def test_g32_a_limited_answer_ends_with_length(sdk: Connect, issued: Issued, emulator: Emulator) -> None:
    project = issued.project()
    budget_of(project, USD // 10_000, enforcement="strict")
    chunks = text_chunks("One")
    chunks[-1]["candidates"][0]["finishReason"] = "MAX_TOKENS"
    emulator.script({"body": chunks[-1]})

    answer = say_hello(sdk(issued.client_key(project)), max_tokens=None).parse()

    assert answer.choices[0].finish_reason == "length"


def test_g32_a_strict_budget_limits_the_output_after_a_compaction(
    sdk: Connect, issued: Issued, emulator: Emulator
) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    first = client.responses.create(model=MODEL, input="The treasure lies under the old oak. " * 300)
    budget = budget_of(project, 20 * USD // 1000, enforcement="strict")
    emulator.reset()

    managed: Any = [{"type": "compaction", "compact_threshold": 1000}]
    stream = client.responses.create(
        model=MODEL, input="Where?", previous_response_id=first.id, context_management=managed, stream=True
    )

    assert [event.type for event in stream][-1] == "response.completed"
    generated = [body for body in emulator.bodies() if "generationConfig" in body]
    assert len(generated) == 2
    assert all(body["generationConfig"]["maxOutputTokens"] < 10_000 for body in generated)
    assert spent(budget) > 0


def test_g34_a_model_without_a_price_is_refused_under_a_hard_budget(
    sdk: Connect, issued: Issued, emulator: Emulator
) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    model = UpstreamModel.objects.create(name=fresh("gemini-unpriced"))
    emulator.script({"body": text_chunks("Hello")[0]})
    say_hello(client, model=model.name)
    budget = budget_of(project, USD)

    with pytest.raises(BadRequestError) as refused:
        say_hello(client, model=model.name)

    assert (refused.value.code, refused.value.param) == ("model_not_priced", "model")
    assert model.name in refused.value.message
    assert budget.name in refused.value.message


def test_g35_each_threshold_alerts_once(gateway: LiveGateway, sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    say_hello(client)
    one = cost_of(project)
    budget = budget_of(project, 3 * one, enforcement="soft", period="total")

    for _ in range(4):
        say_hello(client)

    alerts = BudgetAlert.objects.filter(window__budget=budget).order_by("threshold")
    assert list(alerts.values_list("threshold", "projected")) == [(50, False), (80, False), (100, False)]
    line = f"Budget {budget.name} (project) has reached 100 %"
    eventually(lambda: line in gateway.log)
    assert gateway.log.count(line) == 1


def test_g35_the_header_states_what_is_left_to_keys_that_ask(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    budget_of(project, 5 * USD)

    asked = say_hello(sdk(issued.client_key(project, budget_header=True)))
    other = say_hello(sdk(issued.client_key(project)))

    assert 4.9 < float(asked.headers["x-gateway-budget-remaining"]) < 5
    assert "x-gateway-budget-remaining" not in other.headers


def test_g36_a_raised_budget_admits_the_next_request(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget = budget_of(project, 0)
    with pytest.raises(RateLimitError):
        say_hello(client)

    budget.amount_nano = USD
    budget.save()
    say_hello(client)

    budget.amount_nano = 0
    budget.save()
    with pytest.raises(RateLimitError):
        say_hello(client)


def test_g36_a_budget_counts_from_its_creation_or_from_the_given_time(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    say_hello(client)
    before = cost_of(project)
    later = budget_of(project, USD, period="total")
    earlier = budget_of(project, USD, period="total", counts_from=datetime.now(UTC) - timedelta(hours=1))

    say_hello(client)

    assert spent(earlier) == cost_of(project)
    assert spent(later) == cost_of(project) - before


def test_g36_a_failed_upstream_call_returns_its_reservation(sdk: Connect, issued: Issued, emulator: Emulator) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget = budget_of(project, USD // 1000)
    for _ in range(5):
        emulator.script({"status": 500, "body": {"error": {"code": 500, "message": "", "status": "INTERNAL"}}})
        with pytest.raises(Exception, match=r"500|502|503"):
            say_hello(client, max_tokens=200)

    say_hello(client, max_tokens=200)
    assert spent(budget) == cost_of(project)


def reserved(budget: Budget) -> int:
    """Return what the only window of a budget holds in reserve."""
    return BudgetWindow.objects.get(budget=budget).reserved_nano


def test_g30_a_disconnected_client_leaves_nothing_reserved(sdk: Connect, issued: Issued, emulator: Emulator) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget = budget_of(project, SMALL)
    emulator.script({"chunks": text_chunks("One", "Two"), "hold_after": 1})

    with client.chat.completions.create(
        model=MODEL, messages=[chat_message("Hi")], max_tokens=50, stream=True
    ) as stream:
        next(iter(stream))
        assert reserved(budget) > 0

    eventually(lambda: reserved(budget) == 0)
    assert spent(budget) == cost_of(project) > 0


def test_g30_a_cancelled_background_response_leaves_nothing_reserved(
    sdk: Connect, issued: Issued, emulator: Emulator
) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget = budget_of(project, SMALL)
    emulator.script({"hold": True})
    response = client.responses.create(model=MODEL, input="Hello", background=True, max_output_tokens=50)
    assert reserved(budget) > 0

    client.responses.cancel(response.id)

    eventually(lambda: reserved(budget) == 0)
    assert spent(budget) == cost_of(project)


def test_g36_a_reprice_recounts_the_budgets(sdk: Connect, issued: Issued) -> None:
    project = issued.project()
    client = sdk(issued.client_key(project))
    budget = budget_of(project, USD)
    say_hello(client)
    cost = cost_of(project)
    UsageRecord.objects.filter(project_id=project.pk).update(cost_nano=1)

    call_command("reprice")

    assert cost_of(project) == spent(budget) == cost > 1


def test_g38_a_key_reads_its_own_limits_and_budgets(sdk: Connect, gateway: LiveGateway, issued: Issued) -> None:
    project = issued.project(tags=["team"], models={"mode": "allow_list", "model_ids": ["gemini-*"]})
    row, key = issued.key(project, memory=False, scopes=["chat.*"])
    budget = budget_of(project, USD, period="day", time_zone="America/New_York")
    Budget.objects.create(scope="key", key=row, amount_nano=2 * USD, period="total", enforcement="soft")
    RateLimit.objects.create(scope="key", key=row, requests_per_minute=60)
    RateLimit.objects.create(scope="project", project=issued.project(), requests_per_minute=1)
    say_hello(sdk(key))

    headers = {"Authorization": f"Bearer {key}"}
    found = httpx2.get(f"{gateway.base_url}/key", headers=headers, trust_env=False)

    details = found.json()
    assert key not in found.text
    assert (details["id"], details["project"]) == (row.public_id, {"id": project.public_id, "name": project.name})
    assert details["policy"]["memory"] is False
    assert details["policy"]["tags"] == ["team"]
    assert details["policy"]["scopes"] == [["chat.*"]]
    assert [(limit["scope"], limit["requests_per_minute"]) for limit in details["limits"]] == [("key", 60)]
    daily, total = details["budgets"]
    assert (daily["id"], daily["amount_nano"], daily["spent_nano"]) == (budget.public_id, USD, cost_of(project))
    assert daily["remaining_nano"] == USD - cost_of(project)
    assert datetime.fromtimestamp(daily["resets_at"], ZoneInfo("America/New_York")).time() == time(0)
    assert (total["scope"], total["enforcement"], total["resets_at"]) == ("key", "soft", None)


def test_g38_a_request_without_a_key_reads_the_default_project(gateway: LiveGateway, live_db: None) -> None:
    details = httpx2.get(f"{gateway.base_url}/key", trust_env=False).json()

    assert (details["id"], details["project"]["id"]) == (None, "proj_default")
