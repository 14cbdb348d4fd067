"""The fields that every endpoint's usage record needs: caller, model, user, times, notes."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.limits.admission import Admission
from api.notes import Note
from api.translate.candidates.usage_report import UsageReport
from sessions_store.accounts.access import Caller
from sessions_store.budgets.reservations import Reservation


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upstream call that was made: the Gemini account that served it, and the choices that its response fills."""

    account: str
    choices: Collection[int] = ()


@dataclass(slots=True, kw_only=True)
class Accounting:
    """The accounting of one request. `started` and `first_byte` are seconds of `time.monotonic`.

    `peer` is the address of the client, for the access log. The fields after `notes` change while the request is
    served: `upstream_model` is set when the public model is resolved, each upstream call adds one to `attempts`,
    `usage` is set by endpoints without a Generation, `reservation` is what the request has reserved of budgets.
    `admission` is the request in the rate limits, None if no limit applies.
    """

    request_id: str
    caller: Caller
    endpoint: str
    public_model: str
    peer: str = ""
    stream: bool = False
    user: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    notes: list[Note] = field(default_factory=list)
    upstream_model: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    first_byte: float | None = None
    usage: UsageReport | None = None
    reservation: Reservation | None = None
    admission: Admission | None = None
