"""Comparison with real traffic: the emulator accepts and rejects the same requests as Google, by their form.

The recordings have shortened base64; the tests cut it to a length that decodes.
"""

import asyncio
import json
import re
from typing import Any

import pytest

from api.emulator.methods import METHODS, Options
from api.emulator.service.app import Emulator
from api.emulator.validation import check
from tests.recorded import WHOLE, gemini_exchanges

# Requests that Google rejected because a file could not be fetched, not for their form.
NOT_ABOUT_FORM = "Cannot fetch content from the provided URL"
# Requests that Google accepted and the emulator rejects, each with the reason. The list is empty.
REFUSED_HERE: dict[str, str] = {}


def restored(value: Any) -> Any:
    """Return a recorded value with its shortened base64 cut to a decodable length."""
    if isinstance(value, str) and re.search(r"\.\.\.(B64_)?SHORTENED$", value):
        whole = value.split("...")[0]
        return whole[: len(whole) // 4 * 4]
    if isinstance(value, list):
        return [restored(entry) for entry in value]
    return {key: restored(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def recorded() -> list[Any]:
    """Return the recorded calls of emulated methods, with their requests, as parameters with an id."""
    rows = [row for _, row in gemini_exchanges() if row["op"] in METHODS and "request" in row]
    return [pytest.param(row, id=f"{row['source'].rsplit('/', 1)[1]}-{row['i']}-{row['op']}") for row in rows]


RECORDED = recorded()


async def ask(row: dict[str, Any]) -> tuple[int, bytes]:
    """Send a recorded request to a lenient emulator, which accepts foreign signatures and retired models."""
    application = Emulator(options=Options(foreign_signatures=True, retired_models=True))
    path = re.sub(r"^https?://[^/]+", "", row["uri"])
    path, _, query = path.partition("?")
    messages = [{"type": "http.request", "body": json.dumps(restored(row["request"])).encode()}]
    sent: list[dict[str, Any]] = []
    never = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await never.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode()}
    await application({**scope, "headers": [(b"x-goog-api-key", b"k")]}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize("row", RECORDED)
def test_the_emulator_accepts_and_rejects_what_google_does(row: dict[str, Any]) -> None:
    status, body = asyncio.run(ask(row))
    expected = row["status"]
    if expected == 400 and NOT_ABOUT_FORM in json.dumps(row["response"]):
        expected = 200
    assert status == (400 if row["source"] in REFUSED_HERE else expected), body
    if expected != 200:
        message = row["response"]["error"]["message"]
        assert json.loads(body)["error"]["message"] == message


TYPES = {
    "generateContent": "GenerateContentResponse",
    "countTokens": "CountTokensResponse",
    "batchEmbedContents": "BatchEmbedContentsResponse",
}


@pytest.mark.parametrize("row", [entry for entry in RECORDED if entry.values[0]["op"] in TYPES])
def test_recorded_responses_match_the_published_schema(row: dict[str, Any]) -> None:
    status, body = asyncio.run(ask(row))
    if status == 200:
        check(json.loads(body), TYPES[row["op"]])


def test_most_of_the_recorded_requests_were_accepted_by_google() -> None:
    answered = [entry for entry in RECORDED if entry.values[0]["status"] == 200]
    assert len(answered) > (280 if WHOLE else 60)
    assert len(REFUSED_HERE) < 10


def test_a_forced_call_with_json_is_rejected_as_recorded() -> None:
    """The only recorded error text without its request."""
    (row,) = [
        entry
        for _, entry in gemini_exchanges()
        if entry["source"].endswith("google-structured-output-with-tools-error.json")
    ]
    request = {
        "contents": [{"parts": [{"text": "Weather?"}]}],
        "tools": [{"functionDeclarations": [{"name": "weather"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {"responseMimeType": "application/json"},
    }
    status, body = asyncio.run(ask({"uri": "/v1beta/models/gemini-3.7-flash:generateContent", "request": request}))
    assert status == row["status"]
    assert json.loads(body) == row["response"]
