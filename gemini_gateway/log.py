"""Log formats (JSON or text, one line per record) and redaction.

A filter on the root handler, which receives the records of every library, replaces keys and tokens.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "request"}

# Google API keys (AIza…, and the newer AQ.…), OpenAI-style keys, bearer tokens, any header or URL parameter with one,
# and the one-time set-up link.
_SECRETS = re.compile(
    r"AIza[0-9A-Za-z_\-]{10,}"
    r"|\bAQ\.[0-9A-Za-z_\-]{10,}"
    r"|\bsk-[0-9A-Za-z_\-]{6,}"
    r"|(?<=/setup/)[0-9a-f]{16,}"
    r"|\bya29\.[0-9A-Za-z_\-.]{10,}"
    r"|(?P<name>(?i:x-goog-api-key|authorization|api[_-]?key|[?&]key)[\"']?\s*[:=]\s*(?:b(?=[\"']))?[\"']?(?:(?i:bearer|basic)\s+)?)"
    r"[^\s\"'&,;]+"
    r"|(?P<bearer>(?i:\bbearer)\s+)[^\s\"',;]+"
)
_NO_LEVEL = logging.CRITICAL + 1
_encode = json.JSONEncoder(default=str).encode
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_NEWLINE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def redact(text: str) -> str:
    """Return the text with every key and token replaced by `[redacted]`."""
    return _SECRETS.sub(lambda found: f"{found['name'] or found['bearer'] or ''}[redacted]", text)


class RedactionFilter(logging.Filter):
    """Redacts secrets in the message, the traceback, the stack and the extra fields of every record."""

    _exceptions = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; always returns True."""
        record.msg = redact(record.getMessage())
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self._exceptions.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        for name, value in extra_fields(record).items():
            if not isinstance(value, int | float | None):
                setattr(record, name, redact(str(value)))
        return True


class AccessFilter(logging.Filter):
    """Redacts the model name in an access line, the only field with text of a client.

    RedactionFilter would search every field: a line takes 18 µs instead of 39 (`python -m benchmarks.access_line`).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; always returns True."""
        model = getattr(record, "public_model", "")
        if model:
            record.public_model = redact(model)
        return True


class ExpectedFilter(logging.Filter):
    """Reduces an error that any client can cause, such as an unknown Host, to a warning of one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; always returns True."""
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = record.exc_text = None
        return True


class RejectionFilter(logging.Filter):
    """Removes the traceback of a 4xx response; path and status are sufficient."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record in place; always returns True."""
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True


def extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields passed as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, extra fields, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; control characters are escaped, so a record stays one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **extra_fields(record),
        }
        if record.exc_info or record.exc_text:
            line["exception"] = record.exc_text or self.formatException(record.exc_info or (None, None, None))
        return _encode(line)


class TextFormatter(logging.Formatter):
    """For a terminal: time, level, logger, message, extra fields; control characters are escaped."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the first line, followed by the extra fields as `name=value`."""
        extras = "".join(f" {name}={value}" for name, value in extra_fields(record).items())
        return _CONTROL.sub(_visible, super().formatMessage(record) + extras)

    def formatException(self, ei: Any) -> str:
        """Return the traceback on separate lines."""
        return _CONTROL_BUT_NEWLINE.sub(_visible, super().formatException(ei))


def _visible(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def logging_config(*, level: str, style: str, access: bool = True) -> dict[str, Any]:
    """Return Django's LOGGING: one handler on standard error, and one for the access log (`api.access_log`), which
    `access` switches on; `style` is "json" or "text".
    """
    formatter = "gemini_gateway.log.JsonFormatter" if style == "json" else "gemini_gateway.log.TextFormatter"
    quiet = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "access": {"()": "gemini_gateway.log.AccessFilter"},
            "redaction": {"()": "gemini_gateway.log.RedactionFilter"},
            "expected": {"()": "gemini_gateway.log.ExpectedFilter"},
            "refusals": {"()": "gemini_gateway.log.RejectionFilter"},
        },
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["redaction"]},
            "access": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["access"]},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": quiet,
            "django.server": quiet,
            "django.request": quiet | {"filters": ["refusals"]},
            "django.security.DisallowedHost": quiet | {"filters": ["expected"]},
            "api.access": {
                "handlers": ["access"],
                "propagate": False,
                "level": "NOTSET" if access else _NO_LEVEL,
            },
            # Both log every connection at INFO; the gateway itself logs the relevant events.
            "daphne": quiet | {"level": "WARNING"},
            "google_genai": quiet | {"level": "WARNING"},
        },
    }
