"""Messages of the transcript tree to items, for responses without stored items.

The inverse of `items_to_messages`, except for data that messages do not have: item ids, which the caller provides, and
OpenAI tools whose calls became function calls.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from api.translate.responses.input.content import content_to_item
from api.translate.responses.tools.names import CalledTool, CalledTools, client_tool
from sessions_store.transcript.values import RESULT_ROLES

Item = dict[str, Any]
_NO_TOOLS = CalledTools()


def message_to_items(
    message: Mapping[str, Any],
    *,
    item_ids: Iterator[str],
    called: CalledTools = _NO_TOOLS,
) -> list[Item]:
    """Return the items of a message of any role; each gets an id with the prefix of its kind.

    `called` maps flat names to tools; without it every call is a plain function call.
        {"role": "user", "content": "Hi"}
        [{"id": "msg_1", "type": "message", "status": "completed", "role": "user",
          "content": [{"type": "input_text", "text": "Hi"}]}]
    """
    role = message["role"]
    if role == "assistant":
        return _assistant_items(message, item_ids, called)
    if role in RESULT_ROLES:
        return [_output(message, item_ids)]
    parts = content_to_item(message["content"], assistant=False)
    return [{"id": f"msg_{next(item_ids)}", "type": "message", "status": "completed", "role": role, "content": parts}]


def _output(message: Mapping[str, Any], item_ids: Iterator[str]) -> Item:
    content = message["content"]
    output = content if isinstance(content, str) else content_to_item(content, assistant=False)
    item: Item = {"id": f"fco_{next(item_ids)}", "type": "function_call_output", "status": "completed"}
    named = {"call_id": message["tool_call_id"]} if "tool_call_id" in message else {"name": message["name"]}
    return item | named | {"output": output}


def _assistant_items(message: Mapping[str, Any], item_ids: Iterator[str], called: CalledTools) -> list[Item]:
    items: list[Item] = []
    thoughts = message.get("reasoning_content")
    if thoughts:
        items.append(_reasoning(item_ids, thoughts))
    items += [dict(item) for item in message.get("tool_items") or ()]
    parts = content_to_item(message.get("content"), assistant=True)
    if message.get("refusal"):
        parts.append({"type": "refusal", "refusal": message["refusal"]})
    if parts:
        items.append(_message_item(item_ids, parts))
    items += [_image(image, item_ids) for image in message.get("images") or ()]
    items += [_call(call, item_ids, called) for call in message.get("tool_calls") or ()]
    return items or [_message_item(item_ids, content_to_item([{"type": "text", "text": ""}], assistant=True))]


def _message_item(item_ids: Iterator[str], parts: list[Item]) -> Item:
    fields = {"status": "completed", "content": parts, "role": "assistant"}
    return {"id": f"msg_{next(item_ids)}", "type": "message", **fields}


def _reasoning(item_ids: Iterator[str], thoughts: str) -> Item:
    summary = [{"type": "summary_text", "text": thoughts}]
    return {"id": f"rs_{next(item_ids)}", "type": "reasoning", "summary": summary}


def _image(image: Mapping[str, Any], item_ids: Iterator[str]) -> Item:
    head, _, base64 = image["image_url"]["url"].partition(";base64,")
    made = {"status": "completed", "result": base64, "output_format": head.removeprefix("data:image/")}
    return {"id": f"ig_{next(item_ids)}", "type": "image_generation_call", **made}


def _call(call: Mapping[str, Any], item_ids: Iterator[str], called: CalledTools) -> Item:
    custom = call["type"] == "custom"
    function = call["custom"] if custom else call["function"]
    tool = client_tool(function["name"], called) if called else CalledTool(kind="function", name=function["name"])
    named = {"status": "completed", "call_id": call["id"], "name": tool.name}
    if tool.namespace:
        named["namespace"] = tool.namespace
    if custom:
        return {"id": f"ctc_{next(item_ids)}", "type": "custom_tool_call", **named, "input": function["input"]}
    return {"id": f"fc_{next(item_ids)}", "type": "function_call", **named, "arguments": function["arguments"]}
