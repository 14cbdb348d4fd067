"""The seeded catalogue, and the reload of an edit by the next request of every worker."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, get_args

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection

from sessions_store.accounts.access import Access
from sessions_store.accounts.issuing import NewKey, create_key
from sessions_store.catalogue import changes, loaded, rows
from sessions_store.catalogue.model_profile import Sampling, Thinking
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.catalogue.rows import CatalogueModel, CatalogueRows, load
from sessions_store.catalogue.seeding import read_seed, seed
from sessions_store.models import Key, ModelMapping, ModelPrice, UpstreamModel, User
from sessions_store.models.principal import LOCAL_USERNAME

TODAY = date(2026, 11, 24)
RETIREMENT = date(2026, 12, 1)


@pytest.fixture
def stamp(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A version file for the test, and no snapshot before or after."""
    settings.CATALOGUE_STAMP = tmp_path / "catalogue.stamp"
    loaded.reset()
    yield settings.CATALOGUE_STAMP
    loaded.reset()


def test_each_capability_is_a_column_with_the_same_default() -> None:
    row = UpstreamModel(name="gemini-x")
    row.created_at = datetime(2026, 11, 24, tzinfo=UTC)

    assert rows.catalogue_model(row) == CatalogueModel(name="gemini-x", created=1_795_478_400)


def test_the_choices_of_a_column_are_the_values_of_the_profile() -> None:
    assert UpstreamModel.Sampling.values == list(get_args(Sampling))
    assert UpstreamModel.Thinking.values == list(get_args(Thinking))


@pytest.fixture
def seeded_dates(db: None) -> None:
    """The shutdown dates of Google's models; the other tests run with postponed dates."""
    for entry in read_seed("upstream_models")["models"]:
        UpstreamModel.objects.filter(name=entry["name"]).update(retires_on=entry.get("retires_on"))


@pytest.mark.usefixtures("seeded_dates")
@pytest.mark.parametrize(
    ("name", "day", "upstream"),
    [
        ("gpt-3.5-turbo", TODAY, "gemini-2.5-flash"),
        ("gpt-3.5-turbo", RETIREMENT, "gemini-3.5-flash-lite"),
        ("gpt-4", TODAY, "gemini-2.5-pro"),
        ("gpt-4", RETIREMENT, "gemini-3.8-flash"),
        ("gpt-4-turbo", TODAY, "gemini-2.5-flash"),
        ("gpt-4-turbo-2024-04-09", TODAY, "gemini-2.5-flash"),
        ("gpt-4-0613", TODAY, "gemini-2.5-pro"),
        ("gpt-4o", TODAY, "gemini-3.8-flash"),
        ("gpt-4o-mini-2024-07-18", TODAY, "gemini-3.5-flash-lite"),
        ("gpt-4.1-mini", TODAY, "gemini-3.5-flash-lite"),
        ("gpt-5.1", TODAY, "gemini-3.8-flash"),
        ("gpt-6", TODAY, "gemini-4-hydrogen"),
        ("o3-mini", TODAY, "gemini-3.8-flash"),
        ("o4", TODAY, "gemini-4-hydrogen"),
        ("models/gemini-2.5-flash", TODAY, "gemini-2.5-flash"),
        ("gemini-2.0-flash", RETIREMENT, "gemini-3.5-flash-lite"),
    ],
)
def test_seeded_names_resolve(name: str, day: date, upstream: str) -> None:
    resolution = Catalogue(load()).resolve(name, today=day)

    assert resolution is not None
    assert resolution.upstream == upstream


@pytest.mark.django_db
def test_every_seeded_row_is_valid_and_every_living_chat_model_has_a_price() -> None:
    seeded = Catalogue(load())
    for row in [*ModelMapping.objects.all(), *UpstreamModel.objects.all(), *ModelPrice.objects.all()]:
        row.full_clean()
    for mapping in ModelMapping.objects.exclude(upstream_model="*"):
        assert seeded.model(mapping.upstream_model) is not None
    for model in seeded.models():
        assert seeded.price(model.name, "standard", TODAY, 0) is not None, model.name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "tier", "on", "pico"),
    [
        ("gemini-2.5-flash", "standard", TODAY, (300_000, 30_000, 2_500_000)),
        ("gemini-2.5-flash-lite", "flex", TODAY, (50_000, 5_000, 200_000)),
        ("gemini-3.8-flash", "batch", TODAY, (375_000, 37_500, 1_875_000)),
        ("gemini-3.8-flash", "standard", date(2027, 1, 1), (1_500_000, 150_000, 7_500_000)),
        ("gemini-4-argon", "standard", RETIREMENT, (4_000_000, 200_000, 20_000_000)),
        ("gemini-3.5-flash-lite", "priority", TODAY, (540_000, 54_000, 4_500_000)),
    ],
)
def test_seeded_prices_are_googles(model: str, tier: str, on: date, pico: tuple[int, int, int]) -> None:
    price = Catalogue(load()).price(model, tier, on, 0)

    assert price is not None
    assert (price.input, price.cached_input, price.output) == pico


@pytest.mark.django_db
def test_seeding_again_keeps_the_edits_of_operators() -> None:
    ModelMapping.objects.filter(public_name="gpt-4").update(upstream_model="gemini-4-argon", enabled=False)
    ModelPrice.objects.filter(model__name="gemini-2.5-pro").delete()
    UpstreamModel.objects.filter(name="gemini-2.5-flash").delete()
    before = ModelMapping.objects.count()

    seed(apps)

    assert ModelMapping.objects.count() == before
    assert not ModelMapping.objects.get(public_name="gpt-4").enabled
    assert not ModelPrice.objects.filter(model__name="gemini-2.5-pro").exists()
    restored = UpstreamModel.objects.get(name="gemini-2.5-flash")
    assert restored.successor is not None
    assert restored.successor.name == "gemini-3.5-flash-lite"
    assert not User.objects.local().has_usable_password()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"public_name": "my model"}, "public_name"),
        ({"public_name": ""}, "public_name"),
        ({"public_name": "m\n"}, None),
        ({"public_name": "a[b]"}, "public_name"),
        ({"public_name": "gpt-4"}, "public_name"),
        ({"upstream_model": "../x"}, "upstream_model"),
        ({"upstream_model": "gemini 3"}, "upstream_model"),
        ({"upstream_model": " models/gemini-3.8-flash "}, None),
        ({"upstream_model": "*"}, "upstream_model"),
        ({"public_name": "a*b*", "upstream_model": "*"}, "upstream_model"),
        ({"public_name": "a*", "upstream_model": "*-*"}, "upstream_model"),
        ({"defaults": {"temperature": 0.2, "reasoning_effort": "low", "stop": ["x"]}}, None),
        ({"defaults": {"temperature": True}}, "defaults"),
        ({"defaults": {"temperature": 2.5}}, "defaults"),
        ({"defaults": {"max_tokens": 0}}, "defaults"),
        ({"defaults": {"model": "x"}}, "defaults"),
        ({"defaults": [1]}, "defaults"),
    ],
)
def test_an_invalid_mapping_is_rejected(columns: dict[str, Any], wrong: str | None) -> None:
    row = ModelMapping(**{"public_name": "mine", "upstream_model": "gemini-3.8-flash"} | columns)
    if wrong is None:
        row.full_clean()
        assert (row.public_name.strip(), row.upstream_model) == (row.public_name, "gemini-3.8-flash")
        return
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    assert list(caught.value.message_dict) == [wrong]


@pytest.mark.django_db
def test_an_edit_applies_to_the_next_request(stamp: Path, django_capture_on_commit_callbacks: Any) -> None:
    before = loaded.snapshot()
    with django_capture_on_commit_callbacks(execute=True):
        ModelMapping.objects.create(public_name="mine", upstream_model="gemini-3.8-flash")

    after = loaded.snapshot()

    assert before.resolve("mine", today=TODAY) is None
    assert after.resolve("mine", today=TODAY) is not None
    assert loaded.snapshot() is after


@pytest.mark.django_db
@pytest.mark.parametrize("edit", ["save", "delete", "announce"])
def test_an_edit_of_the_catalogue_is_published(stamp: Path, django_capture_on_commit_callbacks: Any, edit: str) -> None:
    row = ModelPrice.objects.filter(model__name="gemini-3.8-flash").latest("valid_from")
    before = changes.version()
    with django_capture_on_commit_callbacks(execute=True):
        if edit == "announce":
            changes.publish()
        else:
            getattr(row, edit)()

    assert changes.version() != before


def test_two_changes_in_one_clock_tick_have_different_versions(stamp: Path) -> None:
    seen = set()
    for _ in range(5):
        changes._touch()
        seen.add(changes.version())

    assert len(seen) == 5


async def test_a_request_sees_the_edit_of_another_worker(live_db: None, stamp: Path) -> None:
    """The test's thread acts as the other worker: it commits, and touches the version file like the signal handler."""
    name = "other-workers-edit"
    first = await loaded.current()
    assert await loaded.current() is first

    row = await ModelMapping.objects.acreate(public_name=name, upstream_model="gemini-3.8-flash")
    try:
        second = await loaded.current()
        assert second.resolve(name, today=TODAY) is not None
    finally:
        await row.adelete()
    assert (await loaded.current()).resolve(name, today=TODAY) is None


async def test_many_requests_after_an_edit_load_once(
    live_db: None, stamp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[int] = []

    def counted(previous: Access | None = None) -> CatalogueRows:
        loads.append(1)
        return load(previous)

    monkeypatch.setattr(rows, "load", counted)

    snapshots = await asyncio.gather(*(loaded.current() for _ in range(20)))

    assert (len(set(snapshots)), len(loads)) == (1, 1)


@pytest.mark.django_db(transaction=False)
@pytest.mark.parametrize(("column", "published"), [("revoked_at", True), ("expires_at", True), ("revoked_at", False)])
def test_g07_the_end_of_a_key_is_loaded_even_if_a_later_change_was_committed_before_it(
    stamp: Path, monkeypatch: pytest.MonkeyPatch, column: str, published: bool
) -> None:
    now, owner = datetime.now(UTC), User.objects.get(username=LOCAL_USERNAME)
    (row, secret), (later, _) = (create_key(NewKey(name=name, principal=owner)) for name in ("one", "two"))
    Key.objects.filter(pk=later.pk).update(updated_at=now + timedelta(seconds=1))
    found = loaded.snapshot().access.find(secret)
    assert found is not None
    assert found.usable(now)

    # By a slow transaction, or by a machine whose clock is behind.
    Key.objects.filter(pk=row.pk).update(**{column: now, "updated_at": now})
    if published:
        stamp.write_bytes(b"1")
    else:
        monkeypatch.setattr(loaded, "MAX_AGE", -1.0)

    found = loaded.snapshot().access.find(secret)
    assert found is not None
    assert not found.usable(now)


async def test_an_unpublished_edit_applies_after_the_reload_interval(
    live_db: None, stamp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await loaded.current()
    monkeypatch.setattr(loaded, "MAX_AGE", -1.0)

    assert await loaded.current() is first  # no request waits for the reload
    refresh = loaded._snapshots.refresh
    assert refresh is not None
    assert await refresh is not first


async def test_a_request_follows_another_machines_edit(live_db: None, stamp: Path) -> None:
    first = await loaded.current()
    loaded.notified()
    second = await loaded.current()
    assert second is not first
    assert await loaded.current() is second


def test_other_machines_are_notified(live_db: None, stamp: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL can notify")
    heard = Event()
    listener = changes.Listener(on_change=heard.set)
    listener.start()
    try:
        for _ in range(100):  # wait until the thread listens
            changes.publish()
            if heard.wait(0.1):
                break
        assert heard.is_set()
    finally:
        listener.stop()
