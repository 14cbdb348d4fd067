"""Rate limits and budgets in the admin: amounts in USD, the tree of subjects, and what would reject a request."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sessions_store.accounts.issuing import create_project, revoke_key, rotate_key
from sessions_store.admin.display.limits.budget_windows import spendings, window_start
from sessions_store.admin.display.limits.refusals import Check, checks
from sessions_store.catalogue.loaded import reset
from sessions_store.models import Budget, BudgetWindow, Key, RateLimit, UsageRecord
from tests.admin.access import make_key, member_of, page_of
from tests.admin.examples import Exchange, record_all
from tests.admin.test_usage import downloaded

TALK = ({"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"})
ADD_LIMIT, ADD_BUDGET = "admin:sessions_store_ratelimit_add", "admin:sessions_store_budget_add"
TREE, CHECK = "admin:sessions_store_budget_tree", "admin:sessions_store_ratelimit_refusal"
USD = 10**9
NO_LIMITS = dict.fromkeys(
    ("requests_per_day", "tokens_per_minute", "tokens_per_day", "images_per_minute", "concurrent_requests"), ""
)


@pytest.fixture(autouse=True)
def own_snapshot() -> Iterator[None]:
    """No snapshot of keys from another test, and none for the next: their rows are rolled back."""
    reset()
    yield
    reset()


def budget_fields(**fields: str) -> dict[str, str]:
    """The fields of the form of a budget."""
    return {
        "scope": "gateway",
        "model_pattern": "",
        "amount": "12.5",
        "period": "month",
        "time_zone": "Europe/Berlin",
        "week_start": "0",
        "counts_from_0": "2026-11-01",
        "counts_from_1": "00:00:00",
        "enforcement": "hard",
        "thresholds": "80 %, 50",
        "enabled": "on",
        "name": "",
    } | fields


def rejecting(key: Key, model: str = "gpt-4") -> list[Check]:
    """The rules that would reject a request now."""
    return [check for check in checks(key, model, timezone.now()) if check.rejects]


def test_a_budget_is_entered_and_shown_in_usd(operator: Client) -> None:
    assert operator.post(reverse(ADD_BUDGET), budget_fields()).status_code == 302
    budget = Budget.objects.get()
    assert (budget.amount_nano, budget.thresholds, budget.time_zone) == (12_500_000_000, [50, 80], "Europe/Berlin")
    form = operator.get(page_of(budget)).context["adminform"].form
    assert (form["amount"].value(), form["thresholds"].value()) == ("12.5", "50, 80")
    tiny = budget_fields(amount="0.000000001")
    assert operator.post(page_of(budget), tiny).status_code == 302
    budget.refresh_from_db()
    assert budget.amount_nano == 1
    assert Decimal(operator.get(page_of(budget)).context["adminform"].form["amount"].value()) == Decimal("1e-9")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": "-1"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"thresholds": "half"}, "thresholds"),
        ({"thresholds": "0"}, "thresholds"),
        ({"scope": "project"}, "project"),
    ],
)
def test_an_invalid_budget_is_an_error_of_its_field(operator: Client, fields: dict[str, str], field: str) -> None:
    answer = operator.post(reverse(ADD_BUDGET), budget_fields(**fields))
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Budget.objects.exists()


def test_a_viewer_reads_the_values_of_a_budget(anonymous: Client) -> None:
    key, _ = make_key("nightly")
    budget = Budget.objects.create(scope="key", key=key, amount_nano=5 * USD, period="week", week_start=6)
    page = member_of(anonymous, "Viewer").get(page_of(budget)).content.decode()
    for shown in ("$5.00", "per week", "Sunday", "50, 80, 100", "nightly", "all models"):
        assert shown in page
    assert "None" not in page


def test_the_scope_decides_which_subject_a_limit_has(operator: Client) -> None:
    key, _ = make_key()
    sent = {"scope": "key", "key": str(key.pk), "project": str(key.project_id), "model_pattern": "gpt-4*"}
    sent |= NO_LIMITS | {"requests_per_minute": "60"}
    assert operator.post(reverse(ADD_LIMIT), sent).status_code == 302
    row = RateLimit.objects.get()
    assert (row.subject, row.project, row.requests_per_minute) == (key, None, 60)
    answer = operator.post(reverse(ADD_LIMIT), sent)
    errors = answer.context["adminform"].form.errors
    assert dict(errors) == {"model_pattern": ["This subject has a rate limit for these models already."]}
    answer = operator.post(reverse(ADD_LIMIT), sent | {"model_pattern": "", "requests_per_minute": ""})
    assert list(answer.context["adminform"].form.errors) == ["requests_per_minute"]
    assert operator.post(reverse(ADD_LIMIT), sent | {"model_pattern": ""}).status_code == 302
    assert RateLimit.objects.count() == 2


@pytest.mark.parametrize(
    ("period", "zone", "week_start", "now", "start"),
    [
        ("day", "UTC", 0, datetime(2026, 11, 30, 23, 30, tzinfo=UTC), date(2026, 11, 30)),
        ("day", "Europe/Berlin", 0, datetime(2026, 11, 30, 23, 30, tzinfo=UTC), date(2026, 12, 1)),
        ("month", "America/Los_Angeles", 0, datetime(2026, 12, 1, 7, 59, tzinfo=UTC), date(2026, 11, 1)),
        ("week", "UTC", 0, datetime(2026, 12, 2, tzinfo=UTC), date(2026, 11, 30)),
        ("week", "UTC", 6, datetime(2026, 12, 2, tzinfo=UTC), date(2026, 11, 29)),
    ],
)
def test_a_period_begins_on_a_local_date(period: str, zone: str, week_start: int, now: datetime, start: date) -> None:
    assert window_start(Budget(period=period, time_zone=zone, week_start=week_start), now) == start


def test_the_spending_of_a_budget_is_that_of_its_current_period(db: None) -> None:
    budgets = [
        Budget.objects.create(scope="gateway", amount_nano=10 * USD, period="month"),
        Budget.objects.create(scope="gateway", amount_nano=10 * USD, period="total"),
    ]
    for budget in budgets:
        BudgetWindow.objects.create(
            budget=budget, starts_on=date(2026, 11, 1), spent_nano=9 * USD, reserved_nano=USD // 2
        )
    november, december = datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    month, total = spendings(budgets, november)
    assert (month.left_nano, month.percent, month.level, month.resets_on) == (
        USD,
        90,
        "warn",
        date(2026, 12, 1),
    )
    assert (total.left_nano, total.resets_on) == (USD, None)
    month, total = spendings(budgets, december)
    assert (month.spent_nano, total.spent_nano) == (0, 9 * USD)


def test_the_tree_places_each_subject_below_its_project_and_account(operator: Client) -> None:
    key, _ = make_key("nightly", create_project("Research"))
    budgets = [
        Budget.objects.create(scope="gateway", amount_nano=100 * USD),
        Budget.objects.create(scope="key", key=key, amount_nano=4 * USD),
    ]
    BudgetWindow.objects.create(budget=budgets[1], starts_on=timezone.now().date().replace(day=1), spent_nano=3 * USD)
    RateLimit.objects.create(scope="principal", principal=key.principal, tokens_per_minute=20_000)
    page = operator.get(reverse(TREE)).content.decode()
    tree = page[page.index('<ul class="tree') :]
    order = [
        tree.index(text) for text in ("$100.00", "Research", "program of nightly", "20,000 tokens", "nightly (sk-gw")
    ]
    assert order == sorted(order)
    assert '<rect class="part" width="75"' in tree
    assert "style=" not in page


def test_a_tree_of_many_subjects_is_cut_off_and_states_it(operator: Client) -> None:
    home = create_project("Research")
    Budget.objects.bulk_create(
        Budget(scope="project", project=home, amount_nano=USD, public_id=f"budget_{n}") for n in range(301)
    )
    with CaptureQueriesContext(connection) as queries:
        page = operator.get(reverse(TREE)).content.decode()
    assert len(queries) <= 15
    assert "the first 300" in page
    assert page.count("budget-line") == 300


def test_an_edit_of_what_a_budget_counts_recounts_its_spending(operator: Client) -> None:
    assert operator.post(reverse(ADD_BUDGET), budget_fields()).status_code == 302
    budget = Budget.objects.get()
    today = timezone.now().astimezone(ZoneInfo("Europe/Berlin")).date()
    window = BudgetWindow.objects.create(budget=budget, starts_on=today.replace(day=1), spent_nano=USD)

    assert operator.post(page_of(budget), budget_fields(amount="20")).status_code == 302
    window.refresh_from_db()
    assert window.spent_nano == USD

    assert operator.post(page_of(budget), budget_fields(amount="20", model_pattern="gpt-*")).status_code == 302
    window.refresh_from_db()
    assert window.spent_nano == 0  # no usage record is in the window


def test_an_empty_tree_offers_a_first_budget(operator: Client) -> None:
    page = operator.get(reverse(TREE)).content.decode()
    assert "No rate limits and no budgets yet" in page
    assert reverse(ADD_BUDGET) in page


def test_nothing_rejects_a_request_without_limits(db: None) -> None:
    key, _ = make_key()
    assert rejecting(key) == []
    assert [check.rule for check in checks(key, "gpt-4", timezone.now())] == ["Key", "Scope", "Model"]


def test_each_rule_that_rejects_a_request_is_named(db: None) -> None:
    key, _ = make_key(scopes=["models.read"], models={"mode": "allow_list", "model_ids": ["gpt-4o"]})
    assert [check.rule for check in rejecting(key)] == ["Scope", "Model"]
    revoke_key(key)
    assert [check.state for check in rejecting(key, "gpt-4o")] == ["revoked: 401", "not in the scopes: 403"]
    assert [check.state for check in rejecting(key, "no-such-model")][-1].endswith("404")


def test_a_used_up_rate_limit_rejects_with_the_recorded_requests(db: None) -> None:
    key, _ = make_key()
    now = timezone.now()
    made = record_all([Exchange(messages=TALK, at=now - timedelta(seconds=20))] * 3 + [Exchange(messages=TALK)])
    UsageRecord.objects.filter(pk__in=[row.pk for row in made[:3]]).update(key=key)
    limit = RateLimit.objects.create(scope="key", key=key, requests_per_minute=4, tokens_per_day=3_600)
    RateLimit.objects.create(scope="key", key=make_key("other")[0], requests_per_minute=0)
    RateLimit.objects.create(scope="key", key=key, model_pattern="gemini-*", requests_per_minute=0)
    states = [check.state for check in checks(key, "gpt-4", now) if check.rule == "Rate limit"]
    assert states == ["4 requests per minute: 1 left", "3,600 tokens per day: 0 left"]
    assert [check.state for check in rejecting(key)] == ["3,600 tokens per day: 0 left"]
    RateLimit.objects.filter(pk=limit.pk).update(requests_per_minute=3)
    assert len(rejecting(key)) == 2


def test_a_spent_budget_rejects_unless_it_only_alerts(db: None) -> None:
    key, _ = make_key()
    spent = Budget.objects.create(scope="project", project=key.project, amount_nano=USD)
    alert = Budget.objects.create(scope="gateway", amount_nano=USD, enforcement="soft")
    for budget in (spent, alert):
        start = timezone.now().date().replace(day=1)
        BudgetWindow.objects.create(budget=budget, starts_on=start, spent_nano=USD)
    [check] = rejecting(key)
    assert check.rule == "Budget"
    assert check.state.startswith("$0.00 left of $1.00, new period on")
    Budget.objects.filter(pk=spent.pk).update(enabled=False)
    assert rejecting(key) == []


def test_a_budget_of_a_key_counts_for_its_successor(db: None) -> None:
    key, _ = make_key()
    budget = Budget.objects.create(scope="key", key=key, amount_nano=USD)
    start = timezone.now().date().replace(day=1)
    BudgetWindow.objects.create(budget=budget, starts_on=start, spent_nano=USD, reserved_nano=USD // 2)
    successor, _ = rotate_key(rotate_key(key)[0])
    [check] = rejecting(successor)
    assert check.state.startswith("$0.00 left of $1.00 ($0.50 reserved for running requests)")


def test_a_hard_budget_rejects_a_model_without_a_price(db: None) -> None:
    key, _ = make_key()
    Budget.objects.create(scope="gateway", amount_nano=USD)
    assert rejecting(key) == []
    [check] = rejecting(key, "learnlm-9")
    assert "the model has no price" in check.state


def test_a_hard_budget_rejects_a_request_that_costs_more_than_is_left(db: None) -> None:
    key, _ = make_key()
    budget = Budget.objects.create(scope="key", key=key, amount_nano=1000)
    [check] = rejecting(key)
    assert check.state.startswith("$0.000001 left of $0.000001")
    assert "a request costs at least $" in check.state
    Budget.objects.filter(pk=budget.pk).update(amount_nano=USD)
    assert rejecting(key) == []


def test_the_check_of_a_request_is_a_page_of_its_own_address(operator: Client) -> None:
    key, _ = make_key("nightly")
    assert "Choose a key and a model" in operator.get(reverse(CHECK)).content.decode()
    page = operator.get(f"{reverse(CHECK)}?key={key.pk}&model=gpt-4").content.decode()
    assert "Not rejected" in page
    Budget.objects.create(scope="key", key=key, amount_nano=0)
    page = operator.get(f"{reverse(CHECK)}?key={key.pk}&model=gpt-4").content.decode()
    assert "<strong>Rejected.</strong>" in page
    assert operator.get(reverse(CHECK), {"key": "abc", "model": ""}).status_code == 200


def test_lists_of_limits_and_budgets_are_small_filtered_and_exported(operator: Client) -> None:
    key, _ = make_key("=nightly")
    RateLimit.objects.create(scope="key", key=key, requests_per_minute=7)
    RateLimit.objects.create(scope="gateway", requests_per_minute=1234)
    budget = Budget.objects.create(scope="key", key=key, amount_nano=4 * USD)
    BudgetWindow.objects.create(budget=budget, starts_on=timezone.now().date().replace(day=1), spent_nano=USD)
    for name, shown in (("ratelimit", "7 requests per minute"), ("budget", "$1.00 · 25 %")):
        address = reverse(f"admin:sessions_store_{name}_changelist")
        with CaptureQueriesContext(connection) as queries:
            page = operator.get(f"{address}?key={key.pk}").content.decode()
        assert len(queries) <= 15
        assert shown in page
        assert "1,234" not in page
        export = operator.get(reverse(f"admin:sessions_store_{name}_export") + f"?key={key.pk}")
        lines = downloaded(export).splitlines()
        assert len(lines) == 2
        assert "'=nightly" in lines[1]
