"""The reserved bytes of requests, and the memory limit of a process."""

from pathlib import Path

import pytest

from api.errors import OverloadedError
from api.resources.byte_budget import LEAST_RETURN, RETURN_AFTER, ByteBudget, Hold
from gemini_gateway.startup import machine_memory


def test_holds_share_one_budget() -> None:
    budget = ByteBudget(100)
    first, second = Hold(budget), Hold(budget)
    first.grow(60)
    with pytest.raises(OverloadedError):
        second.grow(41)
    second.grow(40)
    first.release()
    assert budget.held == 40
    second.release()
    assert budget.held == 0


def test_a_request_larger_than_the_budget_is_served_alone() -> None:
    budget = ByteBudget(100)
    large, small = Hold(budget), Hold(budget)
    large.grow(500)
    large.grow(500)
    with pytest.raises(OverloadedError):
        small.grow(1)
    large.release()
    small.grow(1)


def test_responses_are_reserved_beyond_the_budget() -> None:
    budget = ByteBudget(100)
    hold = Hold(budget)
    hold.add(500)
    assert budget.held == 500


def test_the_last_owner_releases_a_hold() -> None:
    budget = ByteBudget(100)
    hold = Hold(budget)
    hold.grow(50)
    hold.share()
    hold.release()
    assert budget.held == 50
    hold.release()
    hold.release()
    hold.add(7)
    assert budget.held == 0


def test_memory_is_returned_after_large_requests() -> None:
    budget = ByteBudget(10 * RETURN_AFTER)
    returns: list[int] = []
    budget.on_released = lambda: returns.append(budget.held)
    small, large, last = Hold(budget), Hold(budget), Hold(budget)
    for hold, size in ((small, 1000), (large, RETURN_AFTER), (last, LEAST_RETURN)):
        hold.grow(size)
    small.release()
    assert returns == []
    large.release()
    assert returns == [LEAST_RETURN]
    last.release()
    assert returns == [LEAST_RETURN, 0]


@pytest.mark.parametrize(
    ("lines", "files", "limit"),
    [
        (
            "0::/a.slice/b.service",
            {"a.slice/b.service/memory.max": "max", "a.slice/memory.max": "512000000"},
            512000000,
        ),
        ("9:cpu,memory:/docker/x", {"memory/docker/x/memory.limit_in_bytes": "256000000"}, 256000000),
        ("0::/gone", {}, None),
    ],
)
def test_a_control_group_bounds_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, files: dict[str, str], limit: int | None
) -> None:
    unbounded = machine_memory.usable_memory()
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    own = tmp_path / "cgroup"
    own.write_text(lines)
    monkeypatch.setattr(machine_memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(machine_memory, "OWN_GROUP", own)

    found = machine_memory.usable_memory()

    assert found == limit if limit is not None else found >= unbounded
