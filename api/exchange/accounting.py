"""The fields that every endpoint's usage record needs: caller, model, user, times, notes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.auth.principals import Caller
from api.notes import Note
from api.translate.answers.usage_report import UsageReport


@dataclass(slots=True, kw_only=True)
class Accounting:
    """The accounting of one request. `started` and `first_byte` are seconds of `time.monotonic`.

    `account` names the Gemini account in use; thought signatures may be valid for this account only. `peer` is
    the address of the client, for the access log. The fields after
    `notes` change while the request is served: `upstream_model` is set when the public model is resolved, `attempts`
    counts upstream calls, `usage` is set by endpoints without a Generation.
    """

    request_id: str
    caller: Caller
    endpoint: str
    public_model: str
    account: str
    peer: str = ""
    stream: bool = False
    user: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    notes: list[Note] = field(default_factory=list)
    upstream_model: str = ""
    attempts: int = 0
    first_byte: float | None = None
    usage: UsageReport | None = None
