"""Items of other tools are sent to the model with any content; no item is rejected."""

import json
from typing import Any, Final

import pytest

from api.openai.responses.items import OTHER_ITEMS
from tests.unit.responses.building import noted, translate
from tests.unit.translate.requests import DATA_URL, FLASH_2, FLASH_3, PIXEL

Item = dict[str, Any]
USER: Final[Item] = {"role": "user", "content": "Hi"}
SCREEN: Final[Item] = {"type": "computer_screenshot", "image_url": DATA_URL}
CLICK: Final[Item] = {"type": "click", "button": "left", "x": 1, "y": 2}


def mcp(**fields: Any) -> Item:
    """Return a call of an MCP tool."""
    named = {"server_label": "wiki", "name": "ask", "arguments": '{"q":"x"}'}
    return {"type": "mcp_call", "id": "mcp_1", "status": "completed", **named, **fields}


# Items, and the name, the arguments and the response that are sent to the model.
CALLS: Final[dict[str, tuple[list[Item], str, Item, Item]]] = {
    "mcp_call": ([mcp(output="42")], "wiki.ask", {"q": "x"}, {"output": "42"}),
    "mcp_call with JSON": ([mcp(output='{"a":1}')], "wiki.ask", {"q": "x"}, {"a": 1}),
    "mcp_call that failed": (
        [mcp(status="failed", error={"type": "http_error", "code": 500, "message": "down"})],
        "wiki.ask",
        {"q": "x"},
        {"error": {"type": "http_error", "code": 500, "message": "down"}},
    ),
    "mcp_call with broken arguments": (
        [mcp(arguments='{"q":', output="?")],
        "wiki.ask",
        {"arguments": '{"q":'},
        {"output": "?"},
    ),
    "mcp_call without an end": ([mcp(status="calling")], "wiki.ask", {"q": "x"}, {"status": "calling"}),
    "mcp_list_tools": (
        [
            {
                "type": "mcp_list_tools",
                "id": "mcpl_1",
                "server_label": "wiki",
                "tools": [{"name": "ask", "input_schema": {}}],
            }
        ],
        "mcp_list_tools",
        {"server_label": "wiki"},
        {"tools": [{"name": "ask", "input_schema": {}}]},
    ),
    "file_search_call": (
        [
            {
                "type": "file_search_call",
                "id": "fs_1",
                "status": "completed",
                "queries": ["rent"],
                "results": [{"file_id": "file-1", "filename": "a.pdf", "score": 0.9, "text": "The rent is 500."}],
            }
        ],
        "file_search",
        {"queries": ["rent"]},
        {
            "results": [{"file_id": "file-1", "filename": "a.pdf", "score": 0.9, "text": "The rent is 500."}],
            "status": "completed",
        },
    ),
    "computer_call": (
        [
            {"type": "computer_call", "id": "cu_1", "call_id": "call_9", "status": "completed", "action": CLICK},
            USER,
            {
                "type": "computer_call_output",
                "call_id": "call_9",
                "output": {**SCREEN, "image_url": "https://x.test/a"},
            },
        ],
        "computer",
        {"action": CLICK},
        {"type": "computer_screenshot", "image_url": "https://x.test/a"},
    ),
    "computer_call of several actions": (
        [
            {"type": "computer_call", "id": "cu_1", "call_id": "call_9", "actions": [CLICK]},
            {
                "type": "computer_call_output",
                "call_id": "call_9",
                "output": {**SCREEN, "image_url": "", "file_id": "f"},
            },
        ],
        "computer",
        {"actions": [CLICK]},
        {"type": "computer_screenshot", "image_url": "", "file_id": "f"},
    ),
}


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3], ids=lambda profile: profile.family)
@pytest.mark.parametrize(("items", "name", "arguments", "response"), CALLS.values(), ids=CALLS)
def test_a_tool_item_becomes_a_call_and_a_result(
    items: list[Item], name: str, arguments: Item, response: Item, profile: Any
) -> None:
    upstream = translate(input=[USER, *items, USER], profile=profile)

    call, accumulator = (content["parts"][0] for content in upstream.body["contents"][1:3])
    assert (call["functionCall"]["name"], call["functionCall"]["args"]) == (name, arguments)
    assert (accumulator["functionResponse"]["name"], accumulator["functionResponse"]["response"]) == (name, response)
    assert f"converted input[1]: item of type {items[0]['type']}: sent as a function call" in noted(upstream)


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3], ids=lambda profile: profile.family)
def test_a_screenshot_is_sent_as_a_picture(profile: Any) -> None:
    call = {"type": "computer_call", "id": "cu_1", "call_id": "call_9", "status": "completed", "action": CLICK}
    checks = [{"id": "sc_1", "code": "malicious", "message": "Careful."}]
    result = {
        "type": "computer_call_output",
        "call_id": "call_9",
        "output": SCREEN,
        "acknowledged_safety_checks": checks,
    }
    body = translate(input=[USER, call, result], profile=profile).body

    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == {"acknowledged_safety_checks": checks}
    assert json.dumps(body).count(PIXEL) == 1
    assert "image/png" in json.dumps(body["contents"][2:])


def test_an_unreadable_screenshot_is_no_prompt() -> None:
    call = {"type": "computer_call", "id": "cu_1", "call_id": "call_9", "action": CLICK}
    broken = {**SCREEN, "image_url": "data:image/png;base64,????"}
    body = translate(input=[USER, call, {"type": "computer_call_output", "call_id": "call_9", "output": broken}]).body

    assert "unreadable image" in json.dumps(body)
    assert "????" not in json.dumps(body)


TOLD: Final[dict[str, tuple[Item, str, str]]] = {
    "web_search_call": (
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
        "model",
        '<web_search_call>\n{"action":{"type":"search","query":"x"}}\n</web_search_call>\n',
    ),
    "code_interpreter_call": (
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "container_id": "cntr_9",
            "code": "print(1)",
            "outputs": [{"type": "logs", "logs": "1\n"}],
            "status": "completed",
        },
        "model",
        "```python\nprint(1)\n```\n```\n1\n```\n",
    ),
    "mcp_approval_request": (
        {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "wiki", "name": "ask", "arguments": "{}"},
        "model",
        '<mcp_approval_request>\n{"id":"mcpr_1","server_label":"wiki","name":"ask","arguments":"{}"}\n'
        "</mcp_approval_request>\n",
    ),
    "mcp_approval_response": (
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": False, "reason": "No."},
        "user",
        '<mcp_approval_response>\n{"approval_request_id":"mcpr_1","approve":false,"reason":"No."}\n'
        "</mcp_approval_response>",
    ),
    "program": (
        {"type": "program", "id": "p_1", "call_id": "c_1", "code": "f()", "fingerprint": "abc"},
        "model",
        '<program>\n{"code":"f()"}\n</program>\n',
    ),
    "program_output": (
        {"type": "program_output", "id": "p_2", "call_id": "c_1", "result": "7", "status": "completed"},
        "model",
        '<program_output>\n{"result":"7"}\n</program_output>\n',
    ),
}


@pytest.mark.parametrize(("item", "role", "text"), TOLD.values(), ids=TOLD)
def test_a_tool_item_that_is_no_call_becomes_text(item: Item, role: str, text: str) -> None:
    accumulator = {"role": "assistant", "content": "Well."}
    upstream = translate(input=[USER, accumulator, item, {"role": "developer", "content": "On."}])

    [message] = [
        content for content in upstream.body["contents"] if text in [part.get("text") for part in content["parts"]]
    ]
    assert message["role"] == role
    assert [note for note in noted(upstream) if note.startswith("converted input[2]")]


def test_a_picture_of_code_is_sent_as_a_picture() -> None:
    outputs = [
        {"type": "image", "url": DATA_URL},
        {"type": "image", "url": "https://x.test/plot.png"},
        None,
        {"logs": 3},
    ]
    item = {"type": "code_interpreter_call", "id": "ci_1", "container_id": "c", "code": "plot()", "outputs": outputs}
    body = translate(input=[USER, item, USER]).body

    text, picture = body["contents"][1]["parts"]
    assert "plot()" in text["text"]
    assert "https://x.test/plot.png" in text["text"]
    assert picture["inlineData"]["data"] == PIXEL


def test_a_picture_of_an_earlier_response_is_sent_as_a_picture() -> None:
    body = translate(input=[USER, {"type": "image_generation_call", "id": "ig_1", "result": PIXEL}, USER]).body
    assert body["contents"][1]["parts"][0]["inlineData"]["data"] == PIXEL


@pytest.mark.parametrize("fields", [{"result": "????"}, {"result": PIXEL, "output_format": "svg"}], ids=str)
def test_a_picture_that_cannot_be_sent_is_noted(fields: Item) -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "revised_prompt": "A fox.", **fields}
    body = translate(input=[USER, item, USER]).body

    assert "A fox." in body["contents"][1]["parts"][0]["text"]
    assert fields["result"] not in json.dumps(body)


def test_a_picture_may_be_a_data_url() -> None:
    body = translate(input=[USER, {"type": "image_generation_call", "id": "ig_1", "result": DATA_URL}, USER]).body
    assert body["contents"][1]["parts"][0]["inlineData"]["data"] == PIXEL


@pytest.mark.parametrize("profile", [FLASH_2, FLASH_3], ids=lambda profile: profile.family)
@pytest.mark.parametrize("kind", sorted(set(OTHER_ITEMS) - {"compaction_trigger"}))
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"call_id": None, "id": None, "status": None},
        {
            "action": "x",
            "operation": [1],
            "output": {"a": 1},
            "outputs": "x",
            "arguments": 3,
            "error": 4,
            "tools": "no",
        },
        {"action": {}, "operation": {}, "output": [], "code": 1, "queries": "q", "results": {}, "id": "x" * 300},
        {"action": {"commands": None}, "output": [None], "name": 7, "server_label": None, "approve": "maybe"},
    ],
    ids=range(5),
)
def test_every_item_of_a_history_is_accepted(kind: str, fields: Item, profile: Any) -> None:
    upstream = translate(input=[USER, {"type": kind, **fields}, USER, {"type": kind, **fields}, USER], profile=profile)
    assert len(upstream.gemini_contents) == len(upstream.placement)
