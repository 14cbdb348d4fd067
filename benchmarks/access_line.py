"""The CPU time of one line of the access log: `python -m benchmarks.access_line`."""

import logging.config
import os
import time

from gemini_gateway.log import RedactionFilter, logging_config

LINES = 20_000
FIELDS = {
    "request_id": "req_0192a3b4c5d6e7f8a9b0c1d2e3f4a5b6",
    "endpoint": "chat.completions",
    "public_model": "gpt-4",
    "upstream_model": "gemini-3.8-flash",
    "status": 200,
    "outcome": "ok",
    "stream": False,
    "latency_ms": 33,
    "prompt_tokens": 12,
    "cached_tokens": 0,
    "completion_tokens": 33,
    "reasoning_tokens": 0,
    "cost_nano": 12345,
    "attempts": 1,
    "notes": 2,
    "peer": "127.0.0.1",
}


def main() -> None:
    """Print the time of a line, and of a line whose every field is redacted, in both formats."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        for style in ("json", "text"):
            logging.config.dictConfig(logging_config(level="INFO", style=style))
            logger = logging.getLogger("api.access")
            (handler,) = logger.handlers
            assert isinstance(handler, logging.StreamHandler)  # noqa: S101 - for the type checker
            handler.setStream(nowhere)
            plain = _microseconds(logger)
            handler.addFilter(RedactionFilter())
            print(f"{style}: {plain:.0f} µs, redacted {_microseconds(logger):.0f} µs")


def _microseconds(logger: logging.Logger) -> float:
    begun = time.process_time()
    for _ in range(LINES):
        logger.info("%s %d", "chat.completions", 200, extra=FIELDS)
    return (time.process_time() - begun) / LINES * 1e6


if __name__ == "__main__":
    main()
