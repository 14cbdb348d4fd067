"""Rate limits in the snapshot, and the number of workers that share them, by their heartbeats."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sessions_store.accounts.issuing import NewKey, create_key, rotate_key
from sessions_store.accounts.limits import WORKER_LEASE, load_limits
from sessions_store.catalogue import changes, loaded
from sessions_store.models import Project, RateLimit, User, Worker
from sessions_store.models.principal import LOCAL_USERNAME
from sessions_store.state.workers import FORGOTTEN, beat, remove_worker

pytestmark = pytest.mark.django_db(transaction=False)


@pytest.fixture(autouse=True)
def stamp(settings: Any, tmp_path: Path) -> Iterator[None]:
    """A stamp file of the test's own, no snapshot before or after, and no workers of other tests."""
    settings.CATALOGUE_STAMP = tmp_path / "catalogue.stamp"
    loaded.reset()
    Worker.objects.all().delete()
    yield
    loaded.reset()


def test_g18_limits_are_found_by_their_subjects() -> None:
    project = Project.objects.get(public_id="proj_default")
    local = User.objects.get(username=LOCAL_USERNAME)
    RateLimit.objects.create(scope="gateway", requests_per_minute=1)
    RateLimit.objects.create(scope="project", project=project, tokens_per_day=2, model_pattern="gpt-4*")
    RateLimit.objects.create(scope="principal", principal=local, concurrent_requests=3)

    limits = load_limits()

    mine = limits.of(project=project.pk, principal=local.pk, key=None)
    assert [limit.scope for limit in mine] == ["gateway", "project", "principal"]
    assert (mine[0].requests_per_minute, mine[1].tokens_per_day, mine[2].concurrent_requests) == (1, 2, 3)
    assert mine[1].pattern is not None
    assert mine[1].pattern.match("gpt-4o")
    assert not mine[1].pattern.match("gpt-3.5")
    assert [limit.scope for limit in limits.of(project=0, principal=0, key=0)] == ["gateway"]


def test_g18_the_limits_of_a_key_apply_to_its_successors_in_the_same_buckets() -> None:
    project = Project.objects.get(public_id="proj_default")
    key, _ = create_key(NewKey(name="one", principal=User.objects.get(username=LOCAL_USERNAME)))
    other, _ = create_key(NewKey(name="other", principal=key.principal))
    RateLimit.objects.create(scope="key", key=key, requests_per_minute=1)
    before = load_limits()

    successor, _ = rotate_key(key)
    third, _ = rotate_key(successor)

    limits = load_limits(before)
    found = [limits.of(project=project.pk, principal=0, key=each.pk) for each in (key, successor, third)]
    assert [[limit.id for limit in each] for each in found] == [[limit.id for limit in found[0]]] * 3
    assert len(found[0]) == 1
    assert not limits.of(project=project.pk, principal=0, key=other.pk)
    assert load_limits(limits) is limits


def test_g101_without_a_change_the_limits_are_the_same_object() -> None:
    RateLimit.objects.create(scope="gateway", requests_per_minute=1)
    limits = load_limits()

    assert load_limits(limits) is limits
    RateLimit.objects.get(scope="gateway").delete()
    assert load_limits(limits).by_subject == {}


def test_g24_workers_without_a_recent_heartbeat_are_not_counted() -> None:
    RateLimit.objects.create(scope="gateway", requests_per_minute=1)
    now = datetime.now(UTC)
    for name, age in (("one", 0), ("two", 10), ("dead", WORKER_LEASE.total_seconds() + 1)):
        beat(name, now - timedelta(seconds=age))
    assert load_limits().workers == 2

    beat("dead", now)
    assert load_limits().workers == 3
    remove_worker("one")
    assert load_limits().workers == 2
    remove_worker("two")
    remove_worker("dead")
    assert load_limits().workers == 1


def test_g24_a_worker_that_starts_or_stops_publishes_a_change_and_a_heartbeat_does_not(
    django_capture_on_commit_callbacks: Any,
) -> None:
    def published(call: Any, *arguments: Any) -> bool:
        before = changes.version()
        with django_capture_on_commit_callbacks(execute=True):
            call(*arguments)
        return changes.version() != before

    now = datetime.now(UTC)
    assert published(beat, "one", now)
    assert not published(beat, "one", now + timedelta(seconds=10))
    assert published(remove_worker, "one")


def test_g24_rows_of_workers_that_ended_long_ago_are_deleted() -> None:
    now = datetime.now(UTC)
    beat("old", now - FORGOTTEN - timedelta(seconds=1))
    beat("new", now)

    assert list(Worker.objects.values_list("name", flat=True)) == ["new"]
