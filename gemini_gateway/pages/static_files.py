"""WhiteNoise behind ASGI.

WhiteNoise streams a file from a synchronous iterator, which an ASGI server consumes at once, with a warning for each
file. The admin's files are small, so the response holds their bytes.
"""

from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise with responses in memory."""

    def add_files(self, root: str, prefix: str | None = None) -> None:
        """Add a folder if it exists: only `collectstatic` creates STATIC_ROOT."""
        if Path(root).is_dir():
            super().add_files(root, prefix)

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """Return the file's bytes with WhiteNoise's status and headers (ranges and 304 included)."""
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file:
                body = found.file.read()
        response = HttpResponse(body, status=int(found.status))
        del response["content-type"]
        for name, value in found.headers:
            response[name] = value
        return response
