"""The items of a response have one order: plain, streamed, in the background, retrieved, in a conversation."""

from typing import Any

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3
from tests.responses import CONVERSATIONS, RESPONSES, ask, named_events
from tests.waiting import eventually

pytestmark = [pytest.mark.usefixtures("live_db", "emulator"), pytest.mark.portable]

SEARCH: dict[str, Any] = {"tools": [{"type": "web_search"}], "input": "Ducks?"}
OWN_CALL: Any = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["ducks"]}, "id": "t"}}
OWN_RESULT: Any = {"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB", "id": "t", "response": {}}}
WORDS: Any = [{"text": "Ducks "}, {"text": "fly."}]
# Gemini's search metadata: during the search, or after the text.
ANSWERS = {
    "shown": ([OWN_CALL, OWN_RESULT, *WORDS], ["web_search_call", "message"]),
    "told at the end": (WORDS, ["message", "web_search_call"]),
}


def response_of(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **fields}]}


def types(items: Any) -> list[str]:
    return [item["type"] for item in items]


@pytest.mark.parametrize(("parts", "order"), ANSWERS.values(), ids=ANSWERS)
def test_a_search_has_the_same_position_in_every_form(
    http: httpx2.Client, emulator: Emulator, parts: list[Any], order: list[str]
) -> None:
    end = {"finishReason": "STOP", "groundingMetadata": {"webSearchQueries": ["ducks"]}}
    chunks = {"chunks": [*(response_of(part) for part in parts), response_of(**end)]}
    emulator.script({"body": response_of(*parts, **end)}, chunks, chunks)

    plain = ask(http, model=GEMINI_3, **SEARCH)
    conversation = http.post(CONVERSATIONS, json={}).json()["id"]
    streamed = http.post(RESPONSES, json={"model": GEMINI_3, "stream": True, "conversation": conversation, **SEARCH})
    events = named_events(streamed.text)
    queued = ask(http, model=GEMINI_3, background=True, **SEARCH)
    ended = eventually(lambda: _ended(http, queued["id"]))

    sent = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    final = events[-1]["response"]
    assert types(plain["output"]) == order
    assert types(sent[index] for index in sorted(sent)) == order
    assert types(final["output"]) == order
    assert types(ended["output"]) == order
    for made in (plain, final):
        assert types(http.get(f"{RESPONSES}/{made['id']}").json()["output"]) == order
    kept = http.get(f"{CONVERSATIONS}/{conversation}/items", params={"order": "asc"}).json()["data"]
    assert types(kept) == ["message", *order]


def _ended(http: httpx2.Client, response_id: str) -> dict[str, Any] | None:
    """Return the response if it has ended, else None."""
    found: dict[str, Any] = http.get(f"{RESPONSES}/{response_id}").json()
    return found if found["status"] == "completed" else None
