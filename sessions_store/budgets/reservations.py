"""The amounts that a request reserves, and the period in which a worker's reservations are protected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

from sessions_store.budgets.periods import Window, WindowKey
from sessions_store.budgets.rules import BudgetRule


@dataclass(slots=True)
class Claim:
    """What a request wants of one budget, in nano-USD: at least `least`, usually `wanted`, at best `most`.

    Only a strict budget gives another amount than `wanted`, because it limits the output to the granted amount.
    """

    rule: BudgetRule
    window: Window
    key: WindowKey
    least: int
    wanted: int
    most: int

    def granted(self, left: int) -> int | None:
        """Return the amount that a budget with `left` grants, None for too little.

        A strict budget grants a tenth of what is left if that is more than wanted: other requests need the rest.
        """
        if left <= 0 or left < self.least:
            return None
        return min(self.most, max(min(self.wanted, left), left // 10))


class BudgetExceededError(Exception):
    """A budget cannot pay for a request; `left` is what it can still pay, in nano-USD."""

    def __init__(self, claim: Claim, left: int) -> None:
        super().__init__(claim.rule.public_id)
        self.claim = claim
        self.left = left


class LeaseHolder:
    """One name under which this worker holds leases, and the time until which they are certain not to have lapsed.

    The fields of the event loop are `valid_until` and `begun`; those of the writing thread are `ended` and `settled`,
    the amounts that commits have returned to the windows since the leases were last written.
    """

    def __init__(self, seconds: float) -> None:
        self.worker = uuid4().hex
        self.valid_until = monotonic() + seconds
        self.begun = 0
        self.ended = 0
        self.settled: dict[WindowKey, int] = {}

    @property
    def valid(self) -> bool:
        """Whether the leases are certain not to have lapsed."""
        return monotonic() < self.valid_until

    @property
    def outstanding(self) -> bool:
        """Whether reservations are open."""
        return self.begun > self.ended


@dataclass(slots=True, eq=False)
class Reservation:
    """The amounts that one request has reserved, per window. Exactly one of three ends it: the commit of its record,
    its release, or the next renewal of the leases after its exchange ended without a record.
    """

    holder: LeaseHolder
    amounts: Sequence[tuple[WindowKey, int]]
    ended: bool = field(default=False)

    def end(self) -> None:
        """Mark the reservation as returned to its windows. For the writing thread."""
        self.ended = True
        self.holder.ended += 1
