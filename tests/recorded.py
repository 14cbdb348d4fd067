"""Recorded traffic of real clients and servers: the extract in `tests/recordings/`, or all recordings.

`TEST_RECORDINGS` is the folder with all recordings.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

EXTRACT = Path(__file__).with_name("recordings")
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
RECORDINGS = Path(os.environ.get("TEST_RECORDINGS") or (BESIDE if BESIDE.is_dir() else EXTRACT)).resolve()
# Whether all recordings are read: tests of their number expect fewer in the extract.
WHOLE = RECORDINGS != EXTRACT
CLIENTS = tuple(sorted(file.stem for file in (RECORDINGS / "client-requests").glob("*.jsonl")))
GEMINI_OPENAPI = RECORDINGS / "gemini-openapi-v1beta.json"
OPENAI_OPENAPI = RECORDINGS / "openai-openapi-trimmed.json"


def client_requests(client: str) -> Iterator[tuple[int, Any]]:
    """Yield (number, request) of each request that a client sent, in order."""
    yield from _numbered(RECORDINGS / "client-requests" / f"{client}.jsonl")


def gemini_exchanges() -> Iterator[tuple[int, Any]]:
    """Yield (number, exchange) of each request to the real Gemini with its response."""
    yield from _numbered(RECORDINGS / "gemini-recordings.jsonl")


def openai_exchanges() -> Iterator[tuple[int, Any]]:
    """Yield (number, exchange) of each request to the real OpenAI with its response."""
    yield from _numbered(RECORDINGS / "openai-recordings.jsonl")


def gemini_answers() -> list[Any]:
    """Return the responses of Gemini with status 200, as parameters of a test."""
    found = []
    for number, exchange in gemini_exchanges():
        if exchange.get("status") != 200 or exchange["op"] not in ("generateContent", "streamGenerateContent"):
            continue
        responses = responses_of_exchange(exchange)
        if any("candidates" in response or "promptFeedback" in response for response in responses):
            found.append(pytest.param(responses, id=f"{number}-{Path(exchange['source']).stem}"))
    return found


def responses_of_exchange(exchange: Any) -> list[Any]:
    """Return the chunks of a stream, or the single response of an exchange."""
    return exchange["chunks"] if "chunks" in exchange else [exchange["response"]]


def _numbered(file: Path) -> Iterator[tuple[int, Any]]:
    """Yield the lines with their numbers in all recordings; an extract stores the numbers."""
    for number, line in enumerate(file.read_text("utf-8").splitlines()):
        value = json.loads(line)
        yield value.get("number", number), value
