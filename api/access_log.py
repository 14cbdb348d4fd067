"""The access log: one line per request, with its outcome, its times and its cost; no content, and no end user.

The lines of exchanges are written when their usage is recorded (`api.exchange.recording.access_line`), all other lines
at the edge of the request: views, rejected WebSocket frames, requests that reach no view. The settings ACCESS_LOG and
LOG_FORMAT configure the logger (`gemini_gateway.log`).
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

logger: Final = logging.getLogger("api.access")

TOO_MANY_REQUESTS: Final = 429


def level_of(status: int) -> int:
    """Return the level of a line: WARNING for a failure of the gateway or of Gemini and for a rate limit, else INFO."""
    return logging.WARNING if status >= 500 or status == TOO_MANY_REQUESTS else logging.INFO


def log_request(endpoint: str, status: int, fields: Mapping[str, Any]) -> None:
    """Write the line of one request; fields without a value (None and "") are omitted."""
    level = level_of(status)
    if not logger.isEnabledFor(level):
        return
    known = {name: value for name, value in fields.items() if value is not None and value != ""}
    logger.log(level, "%s %d", endpoint, status, extra={"endpoint": endpoint, "status": status, **known})
