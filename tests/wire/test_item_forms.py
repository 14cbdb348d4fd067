"""Items are returned with every field that OpenAI's types and document require, for minimal items of clients.

The items are strictly validated with the SDK's types: as items of a conversation, and as input of a response.
"""

import json
from typing import Any, Final

import httpx2
import pytest
from openai.types.conversations import ConversationItem
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter

from tests.emulator_control import Emulator
from tests.exchanges import CHAT, fresh
from tests.recorded import OPENAI_OPENAPI
from tests.responses import CONVERSATIONS, RESPONSES, ask

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

CONVERSATION_ITEM: Final[TypeAdapter[Any]] = TypeAdapter(ConversationItem)
RESPONSE_ITEM: Final[TypeAdapter[Any]] = TypeAdapter(ResponseItem)

FUNCTION: Final = {"type": "function", "name": "time"}
SHELL_OUTPUT: Final = {"outcome": {"type": "exit", "exit_code": 0}}
SCREEN: Final = {"image_url": "https://x.test/a.png"}
# The minimal form of each item by the SDK's request types; a call is followed by its result.
LEAST: Final[dict[str, list[Any]]] = {
    "message": [{"role": "user", "content": "Hi"}],
    "message of the assistant": [{"role": "assistant", "content": [{"type": "input_text", "text": "Hi"}]}],
    "image": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x.test/a.png"}]}],
    "function_call": [
        {"type": "function_call", "call_id": "c1", "name": "time", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "12:00"}]},
    ],
    "custom_tool_call": [
        {"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "y"},
    ],
    "computer_call": [
        {"type": "computer_call", "id": "cu_1", "call_id": "c1", "action": {"type": "screenshot"}},
        {"type": "computer_call_output", "call_id": "c1", "output": SCREEN},
    ],
    "tool_search_call of the client": [
        {"type": "tool_search_call", "call_id": "c1", "arguments": {"query": "x"}},
        {"type": "tool_search_output", "call_id": "c1", "tools": [FUNCTION]},
    ],
    "tool_search_call of the server": [
        {"type": "tool_search_call", "arguments": {"query": "x"}},
        {
            "type": "tool_search_output",
            "tools": [{"type": "namespace", "name": "n", "description": "", "tools": [FUNCTION]}],
        },
    ],
    "additional_tools": [{"type": "additional_tools", "tools": [FUNCTION]}],
    "shell_call": [
        {"type": "shell_call", "call_id": "c1", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "c1", "output": [SHELL_OUTPUT]},
    ],
    "local_shell_call": [
        {"type": "local_shell_call", "id": "l1", "call_id": "c1", "action": {"command": ["ls"]}},
        {"type": "local_shell_call_output", "id": "c1", "output": "a"},
    ],
    "apply_patch_call": [
        {"type": "apply_patch_call", "call_id": "c1", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "apply_patch_call_output", "call_id": "c1"},
    ],
    "file_search_call": [{"type": "file_search_call", "id": "fs_1"}],
    "web_search_call": [{"type": "web_search_call", "id": "ws_1"}],
    "code_interpreter_call": [{"type": "code_interpreter_call", "id": "ci_1"}],
    "image_generation_call": [{"type": "image_generation_call", "id": "ig_1"}],
    "reasoning": [{"type": "reasoning", "summary": []}],
    "compaction": [{"type": "compaction", "encrypted_content": "x"}],
    "configuration_update": [{"type": "configuration_update", "reasoning": {"effort": "low"}}],
}
# The items whose schema in OpenAI's document has another name than their type.
SCHEMAS: Final = {
    "shell_call": "FunctionShellCall",
    "shell_call_output": "FunctionShellCallOutput",
    "tool_search_call": "ToolSearchCall",
    "tool_search_output": "ToolSearchOutput",
    "apply_patch_call": "ApplyPatchToolCall",
    "apply_patch_call_output": "ApplyPatchToolCallOutput",
    "local_shell_call": "LocalShellToolCall",
    "computer_call_output": "ComputerToolCallOutput",
}


@pytest.mark.parametrize("items", LEAST.values(), ids=LEAST)
def test_a_conversations_items_have_all_fields(http: httpx2.Client, items: list[Any]) -> None:
    path = f"{CONVERSATIONS}/{http.post(CONVERSATIONS, json={}).json()['id']}/items"
    added = http.post(path, json={"items": items}).json()
    listed = http.get(path, params={"order": "asc"}).json()
    assert added["data"] == listed["data"]
    check(listed["data"], items, CONVERSATION_ITEM)
    for item in listed["data"]:
        assert http.get(f"{path}/{item['id']}").json() == item


@pytest.mark.parametrize("items", LEAST.values(), ids=LEAST)
def test_a_responses_input_has_all_fields(http: httpx2.Client, emulator: Emulator, items: list[Any]) -> None:
    if items is LEAST["image"]:
        items = [{"role": "user", "content": [{"type": "input_image", "image_url": "gs://bucket/a.png"}]}]
    emulator.script({"body": {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}})
    made = ask(http, input=[*items, {"role": "user", "content": "Well?"}])
    listed = http.get(f"{RESPONSES}/{made['id']}/input_items", params={"order": "asc"}).json()["data"]
    check(listed[:-1], items, RESPONSE_ITEM)


def check(listed: list[Any], items: list[Any], types: TypeAdapter[Any]) -> None:
    """Check that items have all fields, and that sent fields are unchanged."""
    required = json.loads(OPENAI_OPENAPI.read_text())["components"]["schemas"]
    assert len(listed) == len(items)
    for item, sent in zip(listed, items, strict=True):
        types.validate_python(item, strict=True)
        assert item["type"] == sent.get("type", "message")
        for name in ("call_id", "name", "arguments", "input", "encrypted_content", "id"):
            assert name not in sent or item[name] == sent[name]
        schema = required.get(SCHEMAS.get(item["type"], ""), {})
        assert set(schema.get("required", ())) <= item.keys()


def test_an_empty_list_has_ids_that_are_strings(http: httpx2.Client) -> None:
    conversation = http.post(CONVERSATIONS, json={}).json()["id"]
    for path in (f"{CONVERSATIONS}/{conversation}/items", f"{CHAT}?metadata[run]={fresh('run')}"):
        page = http.get(path).json()
        assert page == {"object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}
