"""Line items of a cost: whole amounts whose sum is the cost, for any split of tokens and any price (governance G16)."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db.models import F, Sum

from sessions_store.catalogue.pricing import (
    LineItems,
    ModalityTokens,
    Price,
    cost,
    line_items,
    modality_tokens,
    shared_out,
    tokens_of,
)
from sessions_store.models import UsageDay, UsageMinute, UsageRecord
from sessions_store.usage.rollups import differences
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import exchange, new_principal

DAY = datetime(2026, 8, 4, tzinfo=UTC)  # no other test writes on that day
LINES = ("cost_input_nano", "cost_cached_input_nano", "cost_output_nano", "cost_search_nano")


def metadata(random: Random) -> dict[str, Any]:
    """Usage metadata with any split by modality."""

    def details(total: int) -> list[dict[str, Any]]:
        audio, image = random.randint(0, total // 3), random.randint(0, total // 3)
        parts = {"TEXT": total - audio - image, "AUDIO": audio, "IMAGE": image}
        return [{"modality": name, "tokenCount": count} for name, count in parts.items()]

    prompt, output = random.randint(1, 300_000), random.randint(0, 5_000)
    cached = random.choice([0, random.randint(0, prompt)])
    found: dict[str, Any] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "thoughtsTokenCount": random.randint(0, 900),
        "cachedContentTokenCount": cached,
    }
    if random.random() < 0.5:
        found |= {"promptTokensDetails": details(prompt), "candidatesTokensDetails": details(output)}
    return found


def test_g16_the_line_items_of_a_cost_sum_to_the_cost() -> None:
    random = Random(16)  # noqa: S311 - the same cases in every run
    for _ in range(2000):
        price = Price(
            id=1,
            input=random.randint(0, 2_000_001),
            cached_input=random.randint(0, 300_001),
            output=random.randint(0, 9_000_001),
            input_by_modality={"AUDIO": random.randint(0, 3_000_001)},
            long_context_from=200_000,
            long_input=random.randint(0, 4_000_001),
            search_query=random.randint(0, 20_000_000_001),
        )
        calls = [tokens_of(metadata(random)) for _ in range(random.randint(1, 3))]
        searches = random.randint(0, 3)
        items = line_items(calls, price, search_queries=searches)
        total = cost(calls, price, search_queries=searches)
        shares = shared_out(total, items)

        assert sum(shares) == total
        assert all(abs(share * 1000 - item) <= 1000 + item // 1000 for share, item in zip(shares, items, strict=True))


def test_a_cost_without_line_items_has_no_shares() -> None:
    assert shared_out(5, LineItems()) == LineItems()
    assert shared_out(7, LineItems(1, 1, 1)) == LineItems(2, 2, 3)


def test_g16_tokens_by_modality_exclude_the_cached_ones_from_input() -> None:
    details = [
        {"modality": "TEXT", "tokenCount": 10},
        {"modality": "AUDIO", "tokenCount": 50},
        {"modality": "VIDEO", "tokenCount": 40},
    ]
    found = modality_tokens(
        [
            tokens_of(
                {
                    "promptTokenCount": 100,
                    "promptTokensDetails": details,
                    "cachedContentTokenCount": 20,
                    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
                    "candidatesTokenCount": 7,
                    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 7}],
                }
            )
        ]
    )

    assert found == ModalityTokens(input_audio=30, input_image=40, cached_audio=20, output_image=7)


@pytest.mark.django_db
def test_g16_the_rollups_contain_key_tier_family_modalities_and_line_items() -> None:
    random = Random(7)  # noqa: S311 - the same cases in every run
    principal_id = new_principal()
    for _ in range(6):
        write_batch(
            [
                exchange(
                    principal_id,
                    started_at=DAY + timedelta(minutes=random.randint(0, 1439)),
                    usage_metadata=[metadata(random)],
                    service_tier=random.choice(["standard", "flex"]),
                    key_id=random.choice([None, 77]),
                    endpoint=random.choice(["chat.completions", "responses"]),
                    search_queries=random.choice([0, 0, 2]),
                )
                for _ in range(8)
            ]
        )

    assert list(differences(DAY, DAY + timedelta(days=1))) == []
    mine = UsageDay.objects.filter(principal_id=principal_id)
    assert set(mine.values_list("key_id", "service_tier", "family")) == {
        (key, tier, "completions") for key in (0, 77) for tier in ("standard", "flex")
    }
    for model in (UsageDay, UsageMinute):
        rows = model._default_manager.filter(principal_id=principal_id)
        assert not rows.exclude(cost_nano=sum(map(F, LINES[1:]), F(LINES[0]))).exists()
    spent = UsageRecord.objects.filter(principal_id=principal_id).aggregate(total=Sum("cost_nano"))["total"]
    assert mine.aggregate(total=Sum("cost_nano"))["total"] == spent > 0
