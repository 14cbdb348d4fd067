"""The limiter of a process: admits requests by the rate limits of the snapshot.

Without Redis each worker enforces its share of every limit. With Redis all workers share the buckets; while Redis is
lost, the shares apply.
"""

from collections.abc import Callable

from api.limits.admission import Admission
from api.limits.buckets import Plans
from api.limits.local_store import LocalStore
from api.limits.recent_outputs import RecentOutputs
from api.limits.stores import LimiterSettings, Stores, limiter_settings
from sessions_store.accounts.access import Caller
from sessions_store.accounts.limits import Limits


class Limiter:
    """The rate limits of one event loop, and the expected outputs of its models."""

    def __init__(self, configured: LimiterSettings | None = None, *, local: LocalStore | None = None) -> None:
        self.stores = Stores(configured or limiter_settings(), local or LocalStore())
        self.outputs = RecentOutputs()
        self._plans = Plans()

    @property
    def degraded(self) -> bool:
        """Whether Redis is configured and lost."""
        return self.stores.redis is not None and not self.stores.redis.available

    async def enter(
        self, caller: Caller, limits: Limits, keep: Callable[[Admission], None] | None = None
    ) -> Admission | None:
        """Admit a request before its body is parsed; None if no limit applies.

        `keep` receives the admission before the check, so that a refusal has the headers too. Raises RequestLimitError
        or LimiterUnavailableError.
        """
        if not limits.by_subject or not self._plans.limited(limits, caller):
            return None
        admission = Admission(self.stores, self._plans, caller, limits)
        if keep is not None:
            keep(admission)
        await admission.enter()
        return admission

    async def close(self) -> None:
        """Finish the settlements in Redis and close its connections."""
        await self.stores.close()
