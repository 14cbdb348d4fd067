"""Token counts of Gemini in any form: invalid counts are clamped, parsed or missing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.translate.candidates.counts import MOST, count, is_sound, storable
from tests.unit.translate.test_candidates_hostile import JSON

NAMES = ["promptTokenCount", "totalTokenCount", "promptTokensDetails", "serviceTier", "other", "x\x00" * 200]
COUNTS: list[tuple[Any, int, bool]] = [
    (7, 7, True),
    (0, 0, True),
    (None, 0, True),
    (MOST, MOST, True),
    (MOST + 1, MOST, False),
    (1e30, MOST, False),
    (7.0, 7, False),
    (7.4, 7, False),
    ("12", 12, False),
    ("0012", 12, False),
    ("9" * 100_000, MOST, False),
    ("", 0, False),
    ("-1", 0, False),
    ("²", 0, False),
    ("1.5", 0, False),
    (-1, 0, False),
    (-1.5, 0, False),
    (True, 0, False),
    ([7], 0, False),
    ({"a": 7}, 0, False),
]


@pytest.mark.parametrize(("given", "read", "sound"), COUNTS, ids=lambda value: str(value)[:20])
def test_a_count_is_parsed(given: Any, read: int, sound: bool) -> None:
    metadata = {"promptTokenCount": given}
    assert (count(metadata, "promptTokenCount"), is_sound(metadata)) == (read, sound)
    assert count(storable(metadata), "promptTokenCount") == read
    details = {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": given}]}
    assert is_sound(details) is sound
    assert count(storable(details)["promptTokensDetails"][0], "tokenCount") == read


@pytest.mark.parametrize("details", [7, "TEXT", {}, [7], [[]], True])
def test_invalid_details_are_not_sound(details: Any) -> None:
    assert not is_sound({"promptTokensDetails": details})


def test_sound_counts_of_google_are_stored_unchanged() -> None:
    metadata = {
        "promptTokenCount": 7,
        "totalTokenCount": 9,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}, {"modality": "AUDIO"}],
        "trafficType": "ON_DEMAND",
        "isNew": True,
        "rate": 0.5,
    }
    assert is_sound(metadata)
    assert storable(metadata) == metadata


@given(st.dictionaries(st.sampled_from(NAMES), JSON | st.text() | st.integers()))
def test_unsound_counts_are_normalised_for_storage(metadata: dict[str, Any]) -> None:
    kept = json.dumps(storable(metadata), allow_nan=False)
    assert "\\u0000" not in kept
    assert len(kept) < 20_000
    assert is_sound(storable(metadata)) or not is_sound(metadata)
