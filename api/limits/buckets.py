"""The buckets and slots that apply to a request, from the rate limits of the snapshot.

A bucket is OpenAI's: of the size of its limit, refilled continuously, full again after one period without requests.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from sessions_store.accounts.access import Caller
from sessions_store.accounts.limits import Limit, Limits

Kind = Literal["requests", "tokens"]
MINUTE: Final = 60 * 10**9  # nanoseconds
DAY: Final = 24 * 60 * MINUTE
_KINDS: Final[tuple[tuple[str, Kind, int, str], ...]] = (
    ("requests_per_minute", "requests", MINUTE, "requests per min (RPM)"),
    ("requests_per_day", "requests", DAY, "requests per day (RPD)"),
    ("tokens_per_minute", "tokens", MINUTE, "tokens per min (TPM)"),
    ("tokens_per_day", "tokens", DAY, "tokens per day (TPD)"),
)
_SUBJECTS: Final = {"gateway": "this gateway", "project": "this project", "principal": "this account"}
MAX_PLANS: Final = 16_384


class Bucket(NamedTuple):
    """One limit: `limit` units of `kind` per `period` nanoseconds. `what` and `subject` are for messages."""

    key: str
    kind: Kind
    limit: int
    period: int
    what: str
    subject: str


class Slots(NamedTuple):
    """A limit of concurrent requests."""

    key: str
    limit: int
    subject: str


Charge = tuple[Bucket, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """The buckets and slots of a caller: those for all models, or those for one model.

    `requests` is the charge of one request; `opening` also reads the buckets of tokens, for the headers.
    """

    requests: tuple[Charge, ...] = ()
    tokens: tuple[Bucket, ...] = ()
    slots: tuple[Slots, ...] = ()
    opening: tuple[Charge, ...] = ()


class Plans:
    """The plans of the current snapshot, made once per caller and model."""

    def __init__(self) -> None:
        self._limits: Limits | None = None
        self._plans: dict[tuple[int, int, int | None, str | None], Plan] = {}
        self._rows: dict[tuple[int, int, int | None], tuple[Limit, ...]] = {}

    def limited(self, limits: Limits, caller: Caller) -> bool:
        """Whether any limit applies to a caller."""
        return bool(self._rows_of(limits, caller))

    def for_all_models(self, limits: Limits, caller: Caller) -> Plan:
        """Return the limits without a model pattern."""
        return self._plan(limits, caller, None, lambda row: row.pattern is None)

    def for_model(self, limits: Limits, caller: Caller, model: str) -> Plan:
        """Return the limits whose pattern matches a public model."""
        return self._plan(
            limits, caller, model, lambda row: row.pattern is not None and row.pattern.match(model) is not None
        )

    def _plan(self, limits: Limits, caller: Caller, model: str | None, applies: Callable[[Limit], bool]) -> Plan:
        rows = self._rows_of(limits, caller)
        key = (caller.project_id, caller.principal_id, caller.key_id, model)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()  # bounded: clients may send any number of names
            plan = self._plans[key] = plan_of(row for row in rows if applies(row))
        return plan

    def _rows_of(self, limits: Limits, caller: Caller) -> tuple[Limit, ...]:
        if limits is not self._limits:
            self._limits = limits
            self._plans.clear()
            self._rows.clear()
        key = (caller.project_id, caller.principal_id, caller.key_id)
        rows = self._rows.get(key)
        if rows is None:
            if len(self._rows) >= MAX_PLANS:
                self._rows.clear()
            rows = self._rows[key] = limits.of(
                project=caller.project_id, principal=caller.principal_id, key=caller.key_id
            )
        return rows


def plan_of(rows: Iterable[Limit]) -> Plan:
    """Return the buckets and slots of some limits."""
    buckets: list[Bucket] = []
    slots: list[Slots] = []
    for row in rows:
        subject = _SUBJECTS.get(row.scope, "this API key")
        for field, kind, period, what in _KINDS:
            limit: int | None = getattr(row, field)
            if limit is not None:
                buckets.append(Bucket(f"{row.id}:{field}", kind, limit, period, what, subject))
        if row.concurrent_requests is not None:
            slots.append(Slots(f"{row.id}:concurrent", row.concurrent_requests, subject))
    requests = tuple((bucket, 1) for bucket in buckets if bucket.kind == "requests")
    tokens = tuple(bucket for bucket in buckets if bucket.kind == "tokens")
    opening = (*requests, *((bucket, 0) for bucket in tokens))
    return Plan(requests=requests, tokens=tokens, slots=tuple(slots), opening=opening)
