"""`GET /v1/key`: what a key may do and spend, for its own holder. An extension of OpenAI's API."""

from datetime import UTC, datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from typing_extensions import TypedDict

from api.http.view import EVERY_KEY, GatewayView, json_response
from api.views.operation import Operation
from sessions_store.accounts.access import Caller
from sessions_store.accounts.own_key import LIMITS, OwnKey, own_key
from sessions_store.budgets.rules import BudgetRules
from sessions_store.budgets.states import BudgetState, budget_states


class KeyProject(TypedDict):
    """The project of a key."""

    id: str
    name: str


class KeyLimit(TypedDict):
    """The rate limits of one scope (`gateway`, `project`, `principal` or `key`); null for no limit. An empty `model`
    stands for all models.
    """

    scope: str
    model: str
    requests_per_minute: int | None
    requests_per_day: int | None
    tokens_per_minute: int | None
    tokens_per_day: int | None
    images_per_minute: int | None
    concurrent_requests: int | None


class KeyBudget(TypedDict):
    """One budget and its current period; amounts in nano-USD, times in Unix seconds. A budget in total has no
    `resets_at`.
    """

    id: str
    name: str
    scope: str
    model: str
    period: str
    time_zone: str
    enforcement: str
    amount_nano: int
    spent_nano: int
    reserved_nano: int
    remaining_nano: int
    resets_at: int | None


class KeyDetails(TypedDict):
    """A key: its project, its effective policy, and what limits it. `id` is null for a request without a key."""

    object: Literal["key"]
    id: str | None
    name: str
    expires_at: int | None
    project: KeyProject
    policy: dict[str, Any]
    limits: list[KeyLimit]
    budgets: list[KeyBudget]


class KeyView(GatewayView):
    """The key of the request; every key may read itself."""

    family = EVERY_KEY

    @Operation(
        name="retrieveKey",
        what="Return the key of the request: its project, policy, rate limits and budgets. Not OpenAI's.",
        answer=KeyDetails,
    )
    async def get(self, request: HttpRequest) -> HttpResponse:
        """Return the key of the request."""
        caller, now = self.caller, datetime.now(UTC)
        own, states = await self.services.store.read(_read, caller, self.catalogue.access.budgets, now)
        body: KeyDetails = {
            "object": "key",
            "id": caller.key or None,
            "name": own.name,
            "expires_at": _seconds(own.expires_at),
            "project": {"id": caller.project, "name": own.project_name},
            "policy": dict(own.policy),
            "limits": [_limit(row) for row in own.limits],
            "budgets": [_budget(state) for state in states],
        }
        response = json_response(body)
        response.headers["Cache-Control"] = "no-store"
        return response


def _read(caller: Caller, budgets: BudgetRules, now: datetime) -> tuple[OwnKey, list[BudgetState]]:
    rules = budgets.of_subjects(caller.project_id, caller.principal_id, caller.key_id)
    return own_key(caller), budget_states(rules, now)


def _limit(row: dict[str, Any]) -> KeyLimit:
    limit: Any = {"scope": row["scope"], "model": row["model_pattern"], **{name: row[name] for name in LIMITS}}
    found: KeyLimit = limit
    return found


def _budget(state: BudgetState) -> KeyBudget:
    rule = state.rule
    return {
        "id": rule.public_id,
        "name": rule.name,
        "scope": rule.scope,
        "model": rule.model_pattern,
        "period": rule.calendar.period,
        "time_zone": rule.calendar.zone.key,
        "enforcement": "strict" if rule.strict else "hard" if rule.hard else "soft",
        "amount_nano": rule.amount_nano,
        "spent_nano": state.spent_nano,
        "reserved_nano": state.reserved_nano,
        "remaining_nano": state.remaining_nano,
        "resets_at": _seconds(state.resets_at),
    }


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
