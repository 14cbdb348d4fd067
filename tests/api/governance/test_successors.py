"""Rotated keys: the limits and the budgets of a key apply to its successors (governance G18, G28, G36, G38)."""

import httpx2
import pytest
from django.core.management import call_command
from openai import RateLimitError

from sessions_store.accounts.issuing import rotate_key
from sessions_store.models import Budget, RateLimit, UsageRecord
from tests.api.governance.test_budgets import USD, Connect, cost_of, say_hello, sdk, spent
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway

__all__ = ["sdk"]


def test_g28_a_budget_of_a_key_counts_for_its_successor(sdk: Connect, issued: Issued) -> None:
    row, _ = issued.key()
    successor, key = rotate_key(row)
    Budget.objects.create(scope="key", key=row, amount_nano=0)

    with pytest.raises(RateLimitError):
        say_hello(sdk(key))
    assert successor.pk != row.pk


def test_g36_a_reprice_keeps_what_the_successors_of_a_key_have_spent(sdk: Connect, issued: Issued) -> None:
    row, key = issued.key(issued.project())
    budget = Budget.objects.create(scope="key", key=row, amount_nano=USD)
    say_hello(sdk(key))
    _, successor = rotate_key(row)
    say_hello(sdk(successor))
    before = spent(budget)
    assert row.project is not None
    UsageRecord.objects.filter(project_id=row.project.pk).update(cost_nano=1)

    call_command("reprice")

    assert spent(budget) == before == cost_of(row.project)


def test_g38_a_successor_reads_the_limits_of_the_key_that_it_replaces(
    sdk: Connect, gateway: LiveGateway, issued: Issued
) -> None:
    row, _ = issued.key()
    RateLimit.objects.create(scope="key", key=row, requests_per_day=1000)
    _, key = rotate_key(row)

    found = httpx2.get(f"{gateway.base_url}/key", headers={"Authorization": f"Bearer {key}"}, trust_env=False)

    assert [limit["requests_per_day"] for limit in found.json()["limits"]] == [1000]
