"""The bytes that a request reads from the database are limited: histories, chains of responses, pages of lists."""

import json
from typing import Any

import httpx2
import pytest

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, chat_body, error_of, fresh
from tests.live_gateway import LiveGateway
from tests.pictures import picture, picture_body, post
from tests.responses import RESPONSES, ask

pytestmark = pytest.mark.usefixtures("live_db")


def test_stored_pictures_of_a_session_are_limited_by_their_size(
    impatient_gateway: LiveGateway, emulator: Emulator
) -> None:
    user = fresh("pictures")
    for _ in range(4):
        assert post(impatient_gateway, picture_body(90_000, user=user)).status == 200
    *_, body = emulator.bodies()

    assert 0 < len(json.dumps(body)) < 200_000 + 91_000
    assert len(body["contents"]) < 2 * 4 - 1


def test_a_chain_of_responses_is_limited_by_its_size(impatient_gateway: LiveGateway, emulator: Emulator) -> None:
    content = [{"type": "input_image", "image_url": picture(90_000)}]
    asked = {"input": [{"role": "user", "content": content}]}
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=30, trust_env=False) as client:
        first = ask(client, **asked)
        second = ask(client, **asked, previous_response_id=first["id"])
        third = {"model": GEMINI_3, "input": "And?", "previous_response_id": second["id"]}
        rejected = client.post(RESPONSES, json=third)
        cut = client.post(RESPONSES, json={**third, "truncation": "auto"})
        items = client.get(f"{RESPONSES}/{first['id']}/input_items").json()["data"]
        repeated = [{"type": "item_reference", "id": items[0]["id"]}] * 3
        expanded = client.post(RESPONSES, json={"model": GEMINI_3, "input": repeated})

    assert (rejected.status_code, error_of(rejected)["code"]) == (400, "context_length_exceeded")
    assert error_of(rejected)["param"] == "previous_response_id"
    assert cut.status_code == 200
    assert "dropped input" in cut.headers["x-gateway-notes"]
    assert (expanded.status_code, error_of(expanded)["param"]) == (400, "input")


def test_a_stored_content_referenced_often_is_limited_by_its_size(
    impatient_gateway: LiveGateway, emulator: Emulator
) -> None:
    """A content of 60,000 bytes, referenced by 8 messages; the limit of one request is 200,000 bytes."""
    thought = "y" * 60_000
    parts = [{"text": thought, "thought": True}, {"functionCall": {"name": "note", "args": {"text": "x"}}}]
    emulator.script({"body": {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}})
    tools = [{"type": "function", "function": {"name": "note", "parameters": {"type": "object"}}}]
    question = [{"role": "user", "content": "Note it"}]
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=30, trust_env=False) as client:
        asked = {"model": GEMINI_3, "tools": tools}
        first = client.post(CHAT, json={**asked, "messages": question}).json()["choices"][0]["message"]
        [call] = first["tool_calls"]
        again = {"role": "assistant", "content": "again", "tool_calls": [call]}
        message = [again, {"role": "tool", "tool_call_id": call["id"], "content": "done"}]
        response = client.post(CHAT, json={**asked, "messages": question + message * 8})

    assert response.status_code == 200
    *_, body = emulator.bodies()
    assert json.dumps(body).count(thought) == 3
    assert len(body["contents"]) == 1 + 2 * 8
    assert "dropped messages[9]" in response.headers["x-gateway-notes"]


def test_pages_of_large_objects_are_limited_by_their_size(impatient_gateway: LiveGateway, emulator: Emulator) -> None:
    marker = fresh("page")
    with httpx2.Client(base_url=impatient_gateway.origin, timeout=30, trust_env=False) as client:
        conversation = client.post("/v1/conversations", json={}).json()["id"]
        for number in range(4):
            text = str(number) * 90_000
            item = {"type": "message", "role": "user", "content": text}
            assert client.post(f"/v1/conversations/{conversation}/items", json={"items": [item]}).status_code == 200
            candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
            emulator.script({"body": {"candidates": [candidate]}})
            asked = chat_body(store=True, metadata={"marker": marker})
            assert client.post(CHAT, json=asked).status_code == 200
        items = listed(client, f"/v1/conversations/{conversation}/items", {})
        completions = listed(client, CHAT, {"metadata[marker]": marker})

    assert [item["content"][0]["text"][0] for item in items] == ["0", "1", "2", "3"]
    responses = [completion["choices"][0]["message"]["content"][0] for completion in completions]
    assert responses == ["0", "1", "2", "3"]


def listed(client: httpx2.Client, path: str, query: dict[str, str]) -> list[Any]:
    """Return all objects of a list, read page by page."""
    found: list[Any] = []
    while True:
        after = {"after": found[-1]["id"]} if found else {}
        response = client.get(path, params={"limit": "100", "order": "asc", **query, **after})
        assert len(response.content) < 201_000
        page = response.json()
        found += page["data"]
        if not page["has_more"]:
            return found
