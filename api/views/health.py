"""Liveness (`/healthz`) and readiness (`/readyz`) of this process."""

from typing import Literal, NotRequired

from django.http import HttpRequest, HttpResponse
from typing_extensions import TypedDict

from api.http.view import GatewayView, json_response
from api.views.operation import Operation
from sessions_store.database.health import database_responds


class Health(TypedDict):
    """The state of the process. `reason` says why the database takes no records; `limiter` is present while Redis is
    lost, so that each worker enforces its share of the rate limits.
    """

    status: Literal["ok", "ready", "draining", "nothing can be recorded", "no database"]
    reason: NotRequired[str]
    limiter: NotRequired[Literal["degraded"]]


class HealthView(GatewayView):
    """200 while the process runs. It does not read the database: a restart would not repair that."""

    public = True

    @Operation(name="getHealth", what="Report that the process runs.", response=Health)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """Return 200 at once."""
        return json_response({"status": "ok"})


class ReadyView(GatewayView):
    """200 if new requests are accepted; 503 while draining, without a database, or if the database takes no records."""

    public = True

    @Operation(name="getReadiness", what="Report whether the server accepts new requests.", response=Health)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """Check the drain flag and the database."""
        if self.services.draining:
            return json_response({"status": "draining"}, status=503)
        if (reason := self.services.store.outage) is not None:
            return json_response({"status": "nothing can be recorded", "reason": reason}, status=503)
        if not await self.services.store.read(database_responds):
            return json_response({"status": "no database"}, status=503)
        degraded = {"limiter": "degraded"} if self.services.limiter.degraded else {}
        return json_response({"status": "ready", **degraded})
