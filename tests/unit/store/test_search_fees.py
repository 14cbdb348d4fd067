"""The fees of Google Search: the seeded fees, records with searches, and repricing."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command

from sessions_store.catalogue import loaded
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.catalogue.rows import load
from sessions_store.catalogue.seeding import seed_search_fees
from sessions_store.models import ModelPrice, UsageRecord
from sessions_store.usage.rollups import differences
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import Json, exchange, new_principal

pytestmark = pytest.mark.django_db
# A day that no other test uses: the database keeps the records of the threaded tests.
DAY = datetime(2026, 8, 3, tzinfo=UTC)
QUERY, PROMPT = 14_000_000, 35_000_000  # nano-USD
COUNTS = {"promptTokenCount": 10, "toolUsePromptTokenCount": 1000, "candidatesTokenCount": 1}
FLASH_38, FLASH_25 = 10 * 750 + 3750, 10 * 300 + 2500  # the counts without the tokens of the search


def record(**columns: Any) -> UsageRecord:
    """Return the stored record of one exchange, in the test's transaction."""
    made = exchange(new_principal(), started_at=DAY, **columns)
    write_batch([made])
    return UsageRecord.objects.get(request_id=made.usage.request_id)


@pytest.fixture(autouse=True)
def _own_prices() -> Any:
    """Clear the snapshot of prices before and after the test."""
    loaded.reset()
    yield
    loaded.reset()


@pytest.mark.parametrize("tier", ["standard", "flex", "batch", "priority"])
@pytest.mark.parametrize(
    ("model", "by_query", "by_prompt"),
    [
        ("gemini-3.8-flash", QUERY, 0),
        ("gemini-4-argon", QUERY, 0),
        ("gemini-2.5-flash", 0, PROMPT),
        ("gemini-2.0-flash", 0, PROMPT),
        ("gemma-4-31b-it", 0, 0),
    ],
)
def test_rule_098_the_unit_of_the_fee_depends_on_the_model(
    model: str, tier: str, by_query: int, by_prompt: int
) -> None:
    price = Catalogue(load()).price(model, tier, date(2026, 11, 24), 0)

    assert price is not None
    assert (price.search_query, price.grounded_prompt) == (by_query * 1000, by_prompt * 1000)


def test_seeding_the_fees_again_keeps_the_edits_of_operators() -> None:
    prices = ModelPrice.objects.filter(model__name="gemini-3.8-flash", tier="standard")
    prices.update(search_query="9.5")
    flex = ModelPrice.objects.filter(model__name="gemini-2.5-flash", tier="flex")
    flex.update(grounded_prompt=None)

    seed_search_fees(apps)

    assert {str(price.search_query) for price in prices.all()} == {"9.500000"}
    assert {price.grounded_prompt for price in prices.all()} == {None}
    assert {str(price.grounded_prompt) for price in flex.all()} == {"35.000000"}


@pytest.mark.parametrize(
    ("columns", "nano"),
    [
        pytest.param({"search_queries": 3, "grounded": [True]}, FLASH_38 + 3 * QUERY, id="by query"),
        pytest.param(
            {"search_queries": 3, "grounded": [True], "service_tier": "flex"},
            FLASH_38 // 2 + 3 * QUERY,
            id="no tier makes searches cheaper",
        ),
        pytest.param(
            {"search_queries": 3, "grounded": [True], "upstream_model": "gemini-2.5-flash"},
            FLASH_25 + PROMPT,
            id="by prompt, however many queries",
        ),
        pytest.param(
            {
                "search_queries": 3,
                "grounded": [True, False, True],
                "upstream_model": "gemini-2.5-flash",
                "usage_metadata": [COUNTS] * 3,
            },
            3 * FLASH_25 + 1000 * 300 + 2 * PROMPT,
            id="each call by itself",
        ),
        pytest.param({}, FLASH_38 + 1000 * 750, id="no search"),
        pytest.param(
            {
                "search_queries": 1,
                "grounded": [True],
                "estimated": True,
                "prompt_tokens": 1010,
                "completion_tokens": 7,
            },
            10 * 750 + 7 * 3750 + QUERY,
            id="an answer that was cut",
        ),
        pytest.param(
            {
                "search_queries": 2,
                "grounded": [True],
                "usage_metadata": [],
                "prompt_tokens": 0,
                "completion_tokens": 0,
            },
            2 * QUERY,
            id="searched, but no tokens were reported",
        ),
        pytest.param(
            {"search_queries": 2, "grounded": [True], "upstream_model": "gemini-nobody-knows"}, 0, id="no price"
        ),
    ],
)
def test_rule_098_the_cost_of_a_record_includes_searches(columns: Json, nano: int) -> None:
    stored = record(**{"usage_metadata": [COUNTS]} | columns)

    assert stored.cost_nano == nano
    assert (stored.search_queries, stored.grounded) == (
        columns.get("search_queries", 0),
        list(columns.get("grounded", [])),
    )


def test_repricing_includes_searches() -> None:
    by_query = record(search_queries=3, grounded=[True], usage_metadata=[COUNTS])
    by_prompt = record(search_queries=3, grounded=[True], usage_metadata=[COUNTS], upstream_model="gemini-2.5-flash")
    ModelPrice.objects.filter(model__name="gemini-3.8-flash").update(search_query="10.000001")
    ModelPrice.objects.filter(model__name="gemini-2.5-flash").update(grounded_prompt=None)
    out = StringIO()

    call_command("reprice", start=DAY.date(), end=DAY.date() + timedelta(days=1), stdout=out)

    by_query.refresh_from_db()
    by_prompt.refresh_from_db()
    assert by_query.cost_nano == FLASH_38 + 3 * 10_000_001
    assert by_prompt.cost_nano == FLASH_25
    assert "2 usage records changed" in out.getvalue()
    assert list(differences(DAY, DAY + timedelta(days=1))) == []
