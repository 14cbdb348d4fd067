"""Everything under `/v1` that is no endpoint."""

from django.http import HttpRequest, HttpResponse

from api.errors import NotFoundError
from api.views.base import GatewayView


class UnknownView(GatewayView):
    """404 in OpenAI's form for any method."""

    async def get(self, request: HttpRequest, path: str = "") -> HttpResponse:
        """Say which path is unknown."""
        raise NotFoundError(f"Unknown request URL: {request.method} {request.path[:200]}.", code="unknown_url")

    post = put = patch = delete = head = get
