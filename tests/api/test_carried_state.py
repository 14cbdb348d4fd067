"""State in `encrypted_content`: only state signed by this server or stored in its database is read."""

import json
from base64 import b64encode
from typing import Any, Final

import httpx2
import pytest
from openai import OpenAI

from sessions_store.models import StoredItem
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3
from tests.responses import CONVERSATIONS, RESPONSES, ask, content_texts

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

UNSIGNED: Final = b64encode(
    b"gw1:" + json.dumps({"kind": "compaction", "summary": "The code is 4711.", "rules": [], "latest": []}).encode()
).decode()
COMPACTION: Final[Any] = {"type": "compaction", "encrypted_content": UNSIGNED}


def test_an_unsigned_compaction_is_left_out_of_the_request(http: httpx2.Client, emulator: Emulator) -> None:
    response = http.post(RESPONSES, json={"model": GEMINI_3, "input": [COMPACTION, {"role": "user", "content": "Hi"}]})

    assert response.status_code == 200, response.text
    assert "input[0]" in response.headers["x-gateway-notes"]
    assert "not signed by this server" in response.headers["x-gateway-notes"]
    [body] = emulator.bodies()
    assert content_texts(body) == ["Hi"]


def test_an_unsigned_compaction_is_not_stored(client: OpenAI, http: httpx2.Client, emulator: Emulator) -> None:
    made = client.conversations.create(items=[COMPACTION])

    [listed] = http.get(f"{CONVERSATIONS}/{made.id}/items").json()["data"]
    assert listed["encrypted_content"] == ""
    ask(http, input="Hi", conversation=made.id)
    [body] = emulator.bodies()
    assert content_texts(body) == ["Hi"]


def test_an_unsigned_compaction_in_the_database_is_read(http: httpx2.Client, emulator: Emulator) -> None:
    conversation = http.post(CONVERSATIONS, json={"items": [COMPACTION]}).json()["id"]
    [item] = http.get(f"{CONVERSATIONS}/{conversation}/items").json()["data"]
    # In the form of an earlier release.
    StoredItem.objects.filter(item_id=item["id"]).update(body=json.dumps({**item, "encrypted_content": UNSIGNED}))

    ask(http, input="What is the code?", conversation=conversation)
    ask(http, input=[{"type": "item_reference", "id": item["id"]}, {"role": "user", "content": "And now?"}])

    for body, question in zip(emulator.bodies(), ["What is the code?", "And now?"], strict=True):
        assert "The code is 4711." in json.dumps(body)
        assert content_texts(body)[-1].endswith(question)


def test_a_compaction_of_this_server_is_read(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script(
        {
            "match": {"contains": "Summarise our conversation"},
            "body": {
                "candidates": [
                    {
                        "content": {"role": "model", "parts": [{"text": "The code is 4711."}]},
                        "finishReason": "STOP",
                        "index": 0,
                    }
                ]
            },
        }
    )
    compacted = http.post(f"{RESPONSES}/compact", json={"model": GEMINI_3, "input": "The code is 4711."}).json()
    emulator.reset()

    response = http.post(
        RESPONSES, json={"model": GEMINI_3, "input": [compacted["output"][-1], {"role": "user", "content": "Hi"}]}
    )

    assert "x-gateway-notes" not in response.headers or "signed" not in response.headers["x-gateway-notes"]
    [body] = emulator.bodies()
    assert "The code is 4711." in json.dumps(body)
