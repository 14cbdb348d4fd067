"""The leases of a worker: the amounts that it holds in reserve, in the database. Everything here runs in a transaction
of the writing thread.

`BudgetWindow.reserved_nano` is the sum of what all workers hold. A commit returns its reservation to the window alone,
in one statement; the lease follows with the next renewal. A lease is therefore never smaller than what its worker
holds, and the amount that a dead worker held is what is left of the window's sum without the leases of the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction

from sessions_store.budgets.periods import WindowKey
from sessions_store.budgets.reservations import BudgetExceededError, Claim, LeaseHolder, Reservation
from sessions_store.budgets.windows import locked_windows, open_window, update_windows
from sessions_store.database.cursors import Cursor, hot_cursor, is_sqlite
from sessions_store.database.sql import from_datetime

# Far from its amount, a budget gives a worker a hundredth of what is left; near it, only what requests reserve.
SLICE: Final = 100
NEAR: Final = 10
# A lapsed lease is kept for this many lease times: until then, every live worker has written its own leases.
KEPT: Final = 3

_UPSERT: Final = """
INSERT INTO sessions_store_budgetlease (window_id, worker, amount_nano, expires_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (window_id, worker) DO UPDATE
   SET amount_nano = sessions_store_budgetlease.amount_nano + excluded.amount_nano, expires_at = excluded.expires_at
"""
_REDUCE: Final = """
UPDATE sessions_store_budgetlease SET amount_nano = amount_nano - %s
 WHERE worker = %s AND window_id =
       (SELECT id FROM sessions_store_budgetwindow WHERE budget_id = %s AND starts_on = {date})
"""


@dataclass(slots=True)
class HeldWindow:
    """What a worker learns of a window when it takes a lease: the slice to charge without a query, what is left for
    others, and the amount of the budget at that time.
    """

    slice: int
    left: int
    amount: int


@dataclass(slots=True)
class Acquired:
    """The result per request, granted amounts by window or the error; and what the worker holds now."""

    outcomes: list[dict[WindowKey, int] | BudgetExceededError] = field(default_factory=list)
    held: dict[WindowKey, HeldWindow] = field(default_factory=dict)


def acquire(
    holder: LeaseHolder, seconds: float, requests: Sequence[Sequence[Claim]], given_back: Mapping[WindowKey, int]
) -> Acquired:
    """Reserve for several requests, in order: for each all of its claims or none; then take the next slices.

    `given_back` are the uncharged slices that the worker holds, for the same windows.
    """
    claimed = {claim.key: claim for claims in requests for claim in claims}
    acquired = Acquired()
    given_back = given_back if holder.valid else {}
    with hot_cursor() as cursor:
        windows = locked_windows(cursor, claimed)
        known = {key for _, key, _, _, _ in windows}
        if missing := sorted(claimed.keys() - known):
            for key in missing:
                open_window(cursor, claimed[key].rule, claimed[key].window)
            windows = locked_windows(cursor, claimed)
        left = {key: amount - spent - reserved + given_back.get(key, 0) for _, key, amount, spent, reserved in windows}
        before = dict(left)
        acquired.outcomes = [_grant(claims, left) for claims in requests]
        expires_at = from_datetime(datetime.now(UTC) + timedelta(seconds=seconds))
        for window, key, amount, _, _ in windows:
            part = left[key] // SLICE if left[key] * NEAR > amount else 0
            change = before[key] - left[key] + part - given_back.get(key, 0)
            acquired.held[key] = HeldWindow(part, left[key] - part, amount)
            own = change - holder.settled.get(key, 0)
            if change:
                cursor.execute(
                    "UPDATE sessions_store_budgetwindow SET reserved_nano = reserved_nano + %s WHERE id = %s",
                    [change, window],
                )
            if own:
                cursor.execute(_UPSERT, [window, holder.worker, own, expires_at])
    transaction.on_commit(lambda: _acquired(holder, acquired))
    return acquired


def _acquired(holder: LeaseHolder, acquired: Acquired) -> None:
    for key in acquired.held:
        holder.settled.pop(key, None)


def _grant(claims: Sequence[Claim], left: dict[WindowKey, int]) -> dict[WindowKey, int] | BudgetExceededError:
    """Take a request's claims from what is left, all or none; a budget that was deleted meanwhile grants nothing."""
    granted: dict[WindowKey, int] = {}
    for claim in claims:
        if claim.key in left:
            amount = claim.granted(left[claim.key])
            if amount is None:
                return BudgetExceededError(claim, max(left[claim.key], 0))
            granted[claim.key] = amount
    for key, amount in granted.items():
        left[key] -= amount
    return granted


def renew(
    holders: Sequence[LeaseHolder], seconds: float, unused: Mapping[WindowKey, int], unrecorded: Sequence[Reservation]
) -> None:
    """Renew the leases of the holders, of which the last takes new reservations; return its `unused` slices and the
    reservations whose exchanges ended without a record; take back the lapsed leases of all workers.
    """
    now = datetime.now(UTC)
    lost = [reservation for reservation in unrecorded if not reservation.ended]
    returned = [(reservation.holder, reservation.amounts) for reservation in lost]
    returned.append((holders[-1], list(unused.items())))
    windows: Counter[WindowKey] = Counter()
    leases = {holder: Counter(holder.settled) for holder in holders}
    for holder, amounts in returned:
        for key, amount in amounts if holder.valid else ():  # else the lapse returns them
            windows[key] += amount
            leases.setdefault(holder, Counter())[key] += amount
    with hot_cursor() as cursor:
        if windows:
            update_windows(cursor, {key: (0, -amount) for key, amount in windows.items()})
        for holder, reduced in leases.items():
            _renew_leases(cursor, holder, reduced, now + timedelta(seconds=seconds))
        take_back_lapsed(cursor, now, seconds)
    transaction.on_commit(lambda: _renewed(holders, lost))


def _renew_leases(cursor: Cursor, holder: LeaseHolder, reduced: Mapping[WindowKey, int], expires_at: datetime) -> None:
    statement = _REDUCE.format(date="%s" if is_sqlite() else "%s::date")
    cursor.executemany(statement, [(amount, holder.worker, *key) for key, amount in sorted(reduced.items())])
    cursor.execute(
        "UPDATE sessions_store_budgetlease SET expires_at = %s WHERE worker = %s",
        [from_datetime(expires_at), holder.worker],
    )
    cursor.execute("DELETE FROM sessions_store_budgetlease WHERE worker = %s AND amount_nano <= 0", [holder.worker])


def _renewed(holders: Sequence[LeaseHolder], lost: Sequence[Reservation]) -> None:
    for reservation in lost:
        reservation.end()
    for holder in holders:
        holder.settled.clear()


def take_back_lapsed(cursor: Cursor, now: datetime, seconds: float) -> None:
    """Return to the windows what the workers of lapsed leases held: the sum of a window without the live leases."""
    lapsed = cursor.rows(
        "SELECT DISTINCT own.budget_id, own.starts_on FROM sessions_store_budgetlease lease"
        " JOIN sessions_store_budgetwindow own ON own.id = lease.window_id WHERE lease.expires_at < %s",
        [from_datetime(now)],
    )
    if not lapsed:
        return
    for window, _, _, _, reserved in locked_windows(cursor, [(budget, str(starts_on)) for budget, starts_on in lapsed]):
        rows = cursor.rows(
            "SELECT amount_nano, expires_at < %s FROM sessions_store_budgetlease WHERE window_id = %s",
            [from_datetime(now), window],
        )
        dead = sum(int(amount) for amount, expired in rows if expired)
        live = sum(int(amount) for amount, expired in rows if not expired)
        if (returned := min(dead, reserved - live)) > 0:
            cursor.execute(
                "UPDATE sessions_store_budgetwindow SET reserved_nano = reserved_nano - %s WHERE id = %s",
                [returned, window],
            )
        cursor.execute(
            "DELETE FROM sessions_store_budgetlease WHERE window_id = %s AND expires_at < %s",
            [window, from_datetime(now - timedelta(seconds=KEPT * seconds))],
        )
