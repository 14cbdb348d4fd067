"""Resolution of names, the list of `/v1/models`, and the valid price, with a catalogue of the test."""

import re
from datetime import date
from fnmatch import translate
from typing import Any

import pytest

from sessions_store.catalogue.pricing import Price
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.catalogue.rows import CatalogueModel, CatalogueRows, MappingRow

TODAY = date(2026, 11, 24)
RETIREMENT = date(2026, 12, 1)


def mapping(public: str, upstream: str, **defaults: Any) -> MappingRow:
    """Return an enabled row, as the loader creates it."""
    wild = "*" in public or "?" in public
    return MappingRow(
        public_name=public,
        upstream_model=upstream,
        defaults=defaults,
        created=7,
        pattern=re.compile(translate(public)) if wild else None,
        literal=re.split(r"[*?]", public)[0],
    )


def models(*rows: CatalogueModel) -> dict[str, CatalogueModel]:
    return {row.name: row for row in rows}


CATALOGUE = Catalogue(
    CatalogueRows(
        models=models(
            CatalogueModel(
                name="gemini-2.5-pro", retires_on=RETIREMENT, successor="gemini-3.8-flash", thinking="budget"
            ),
            CatalogueModel(name="gemini-3.8-flash", thinking="level", created=3),
            CatalogueModel(name="gemini-3.8-flash-image", functions=False),
            CatalogueModel(name="gemini-0-old", retires_on=date(2026, 1, 1), successor="gemini-2.5-pro", listed=False),
            CatalogueModel(name="gemini-x", retires_on=date(2026, 1, 1), successor="gemini-y"),
            CatalogueModel(name="gemini-y", retires_on=date(2026, 1, 1), successor="gemini-x"),
            CatalogueModel(name="gemini-alone", retires_on=date(2026, 1, 1)),
        ),
        mappings=(
            mapping("gpt-4", "gemini-2.5-pro", temperature=0.2),
            mapping("gpt-4o-mini*", "gemini-3.8-flash"),
            mapping("gpt-4o*", "gemini-2.5-pro"),
            mapping("vendor/m-?", "gemini-9-new"),
            mapping("gemini-moved", "gemini-3.8-flash"),
            mapping("gemini-1.*", "gemini-3.8-flash"),
            mapping("*-catch", "gemini-3.8-flash"),
        ),
        prices={
            ("gemini-3.8-flash", "standard"): (
                (date(2027, 1, 1), Price(id=2, input=1500, cached_input=150, output=7500)),
                (
                    date(2026, 7, 21),
                    Price(id=1, input=750, cached_input=75, output=3750, long_context_from=10, long_input=9),
                ),
            ),
            ("gemini-3.8-flash", "flex"): ((date(2026, 7, 21), Price(id=3, input=375, cached_input=37, output=1875)),),
        },
    )
)


@pytest.mark.parametrize(
    ("name", "day", "upstream", "changes"),
    [
        ("gpt-4", TODAY, "gemini-2.5-pro", [("mapped", "gpt-4 -> gemini-2.5-pro")]),
        ("models/gpt-4", TODAY, "gemini-2.5-pro", [("mapped", "gpt-4 -> gemini-2.5-pro")]),
        (
            "gpt-4",
            RETIREMENT,
            "gemini-3.8-flash",
            [
                ("mapped", "gpt-4 -> gemini-2.5-pro"),
                ("retired", "gemini-2.5-pro -> gemini-3.8-flash since 2026-12-01"),
            ],
        ),
        ("gpt-4o-mini-2024", TODAY, "gemini-3.8-flash", [("mapped", "gpt-4o-mini-2024 -> gemini-3.8-flash")]),
        ("gpt-4o-2024", TODAY, "gemini-2.5-pro", [("mapped", "gpt-4o-2024 -> gemini-2.5-pro")]),
        ("vendor/m-1", TODAY, "gemini-9-new", [("mapped", "vendor/m-1 -> gemini-9-new")]),
        ("gemini-3.8-flash", TODAY, "gemini-3.8-flash", []),
        ("models/gemini-3.8-flash", TODAY, "gemini-3.8-flash", []),
        ("gemini-3.8-flash-001", TODAY, "gemini-3.8-flash-001", []),
        ("gemini-moved", TODAY, "gemini-3.8-flash", [("mapped", "gemini-moved -> gemini-3.8-flash")]),
        ("gemini-1.5-pro", TODAY, "gemini-3.8-flash", [("mapped", "gemini-1.5-pro -> gemini-3.8-flash")]),
        ("gemini-catch", TODAY, "gemini-catch", []),
        ("my-catch", TODAY, "gemini-3.8-flash", [("mapped", "my-catch -> gemini-3.8-flash")]),
        (
            "gemini-0-old",
            RETIREMENT,
            "gemini-3.8-flash",
            [
                ("retired", "gemini-0-old -> gemini-2.5-pro since 2026-01-01"),
                ("retired", "gemini-2.5-pro -> gemini-3.8-flash since 2026-12-01"),
            ],
        ),
        ("gemini-x", TODAY, "gemini-y", [("retired", "gemini-x -> gemini-y since 2026-01-01")]),
        ("gemini-alone", TODAY, "gemini-alone", []),
    ],
)
def test_names_resolve_to_their_mapping(name: str, day: date, upstream: str, changes: list[tuple[str, str]]) -> None:
    resolution = CATALOGUE.resolve(name, today=day)

    assert resolution is not None
    assert (resolution.requested, resolution.upstream, list(resolution.changes)) == (name, upstream, changes)
    assert resolution.model.name == upstream
    assert CATALOGUE.resolve(name, today=day) is resolution


@pytest.mark.parametrize("name", ["gpt-4-turbo", "GPT-4", "vendor/m-12", "", "models/", "gpt-4 ", "xgpt-4o"])
def test_unknown_names_resolve_to_nothing(name: str) -> None:
    assert CATALOGUE.resolve(name, today=TODAY) is None


def test_the_defaults_are_those_of_the_mapping() -> None:
    mapped, plain = CATALOGUE.resolve("gpt-4", today=TODAY), CATALOGUE.resolve("gemini-2.5-pro", today=TODAY)

    assert mapped is not None
    assert plain is not None
    assert (mapped.defaults, plain.defaults) == ({"temperature": 0.2}, {})


@pytest.mark.parametrize(
    ("name", "thinking"),
    [("gemini-3.8-flash-001", "level"), ("gemini-3.8-ultra", "level"), ("gemini-2.7-x", "budget"), ("gemma-9", "none")],
)
def test_an_unknown_model_has_the_capabilities_of_the_nearest_model(name: str, thinking: str) -> None:
    resolution = CATALOGUE.resolve(name, today=RETIREMENT)

    assert resolution is not None
    assert (resolution.upstream, resolution.model.thinking) == (name, thinking)


def test_public_models_are_listed() -> None:
    listed = CATALOGUE.public_models(TODAY)
    names = [name for name, _, _ in listed]

    assert names == [
        "gpt-4",
        "gpt-4o-mini",
        "gpt-4o",
        "gemini-moved",
        "gemini-2.5-pro",
        "gemini-3.8-flash",
        "gemini-3.8-flash-image",
    ]
    assert ("gemini-3.8-flash", 3, "google") in listed
    assert "gemini-2.5-pro" not in [name for name, _, _ in CATALOGUE.public_models(RETIREMENT)]


@pytest.mark.parametrize(
    ("upstream", "tier", "on", "price_id"),
    [
        ("gemini-3.8-flash", "standard", TODAY, 1),
        ("gemini-3.8-flash", "", TODAY, 1),
        ("gemini-3.8-flash", "default", TODAY, 1),
        ("gemini-3.8-flash", "FLEX", TODAY, 3),
        ("gemini-3.8-flash", "priority", TODAY, 1),
        ("gemini-3.8-flash", "standard", date(2027, 1, 1), 2),
        ("gemini-3.8-flash-001", "standard", TODAY, 1),
        ("gemini-3.8-flash", "standard", date(2026, 1, 1), None),
        ("gemini-3.8-flash-image", "standard", TODAY, None),
        ("gemini-9", "standard", TODAY, None),
    ],
)
def test_the_valid_price_is_found(upstream: str, tier: str, on: date, price_id: int | None) -> None:
    price = CATALOGUE.price(upstream, tier, on, 0)

    assert (None if price is None else price.id) == price_id


def test_a_long_prompt_has_its_own_price() -> None:
    short, long = (CATALOGUE.price("gemini-3.8-flash", "standard", TODAY, tokens) for tokens in (10, 11))

    assert short is not None
    assert long is not None
    assert (short.input, long.input) == (750, 9)


def test_hostile_names_are_matched_in_linear_time() -> None:
    """A pattern with many wildcards and an almost matching name: exponential for a backtracking matcher."""
    row = mapping("a*" * 60 + "b", "gemini-3.8-flash")
    catalogue = Catalogue(CatalogueRows(mappings=(row,)))

    assert catalogue.resolve("a" * 200, today=TODAY) is None


def test_a_flood_of_names_does_not_fill_the_memory() -> None:
    catalogue = Catalogue(CatalogueRows(mappings=(mapping("*", "gemini-3.8-flash"),)))
    for number in range(5000):
        catalogue.resolve(f"name-{number}", today=TODAY)

    assert len(catalogue._resolved) <= 4096
