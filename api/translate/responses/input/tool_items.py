"""Items in the history of tools that ran at OpenAI or at the client, to functions' calls and results.

A call and its result become a function's call and result. Items within an assistant message, such as a web search, stay
in the message (`tool_items`): the stored Gemini content replaces them if it is known, else they are sent as text.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from api.translate.conversation.tool_item_text import is_picture
from api.translate.responses.tools.client_tools import CALL_ITEMS, TOOLS, action_arguments

Item = Mapping[str, Any]
Fields = dict[str, Any]
_LONGEST_ID: Final = 64


class MadeCall(NamedTuple):
    """A tool call in the form of a function call."""

    id: str
    name: str
    arguments: Fields


class GivenResult(NamedTuple):
    """A result in the form of a tool message's content."""

    call_id: str
    content: str | list[Fields]


def call_of(item: Item) -> MadeCall | None:
    """Return the call in an item; None for an item without a call.

    {"type": "shell_call", "call_id": "call_1", "action": {"commands": ["ls"]}}
    MadeCall("call_1", "shell", {"commands": ["ls"]})
    """
    kind = item["type"]
    if kind in CALL_ITEMS:
        tool = CALL_ITEMS[kind]
        return MadeCall(_own_id(item), tool, action_arguments(tool, item.get(TOOLS[tool].field)))
    reader = _CALLS.get(kind)
    return None if reader is None else MadeCall(_own_id(item), *reader(item))


def result_of(item: Item) -> GivenResult | None:
    """Return the result in an item, of its own call or of another item's call; None for an item without a result."""
    reader = _RESULTS.get(item["type"])
    return None if reader is None else GivenResult(_own_id(item), reader(item))


def _own_id(item: Item) -> str:
    """Return the id that pairs a call with its result; without an id, a hash of the item."""
    named = [item.get("call_id"), item.get("id")]
    found = next((value for value in named if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID), None)
    digest = blake2b(orjson.dumps(item, option=orjson.OPT_SORT_KEYS), digest_size=12)
    return found or f"call_{digest.hexdigest()}"


def _computer(item: Item) -> tuple[str, Fields]:
    return "computer", _present(item, ("action", "actions", "pending_safety_checks"))


def _mcp(item: Item) -> tuple[str, Fields]:
    """Return an MCP call; the server label is the namespace of the tool."""
    name = ".".join(part for part in (item.get("server_label"), item.get("name")) if isinstance(part, str) and part)
    return name or "mcp", _arguments(item.get("arguments"))


def _mcp_list(item: Item) -> tuple[str, Fields]:
    return "mcp_list_tools", _present(item, ("server_label",))


def _file_search(item: Item) -> tuple[str, Fields]:
    return "file_search", _present(item, ("queries",))


def _shell_output(item: Item) -> str:
    return _text_or_json(item, "output", ("output", "max_output_length"))


def _local_shell_output(item: Item) -> str:
    output = item.get("output")
    return output if isinstance(output, str) else _json(output)


def _patch_output(item: Item) -> str:
    return _json(_present(item, ("status", "output")))


def _mcp_output(item: Item) -> str:
    if item.get("error") is not None:
        return _json(_present(item, ("error", "output")))
    return _text_or_json(item, "output", ("output", "status"))


def _mcp_tools(item: Item) -> str:
    return _json(_present(item, ("tools", "error")))


def _file_search_output(item: Item) -> str:
    return _json(_present(item, ("results", "status")))


def _screenshot(item: Item) -> str | list[Fields]:
    """Return a screenshot as an image if possible; an OpenAI file is sent as its id."""
    output = item.get("output")
    checks = _present(item, ("acknowledged_safety_checks",))
    if not isinstance(output, Mapping):
        return _json({"output": output, **checks})
    url = output.get("image_url")
    if not is_picture(url):
        unreadable = isinstance(url, str) and url[:5].lower() == "data:"
        return _json({**output, **checks, **({"image_url": "unreadable image"} if unreadable else {})})
    beside = [{"type": "text", "text": _json(checks)}] if checks else []
    return [*beside, {"type": "image_url", "image_url": {"url": url}}]


def _text_or_json(item: Item, field: str, whole: tuple[str, ...]) -> str:
    """Return a text field unchanged if the item has completed, else JSON with the status."""
    ended = item.get("status") in (None, "completed")
    value = item.get(field)
    if ended and isinstance(value, str):
        return value
    return _json(_present(item, whole if ended else tuple(dict.fromkeys((*whole, "status")))))


def _present(item: Item, names: tuple[str, ...]) -> Fields:
    return {name: item[name] for name in names if item.get(name) not in (None, [])}


def _arguments(text: Any) -> Fields:
    """Return arguments from JSON text; a value other than an object is wrapped."""
    if not isinstance(text, str):
        return text if isinstance(text, dict) else {}
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        value = text
    return value if isinstance(value, dict) else {"arguments": value}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


_CALLS: Final[Mapping[str, Callable[[Item], tuple[str, Fields]]]] = {
    "computer_call": _computer,
    "mcp_call": _mcp,
    "mcp_list_tools": _mcp_list,
    "file_search_call": _file_search,
}
_RESULTS: Final[Mapping[str, Callable[[Item], str | list[Fields]]]] = {
    "shell_call_output": _shell_output,
    "local_shell_call_output": _local_shell_output,
    "apply_patch_call_output": _patch_output,
    "computer_call_output": _screenshot,
    "mcp_call": _mcp_output,
    "mcp_list_tools": _mcp_tools,
    "file_search_call": _file_search_output,
}
# Items within an assistant message, and items that become a user message.
IN_MESSAGE: Final = frozenset(
    {"web_search_call", "code_interpreter_call", "mcp_approval_request", "program", "program_output"}
)
OF_USER: Final = frozenset({"mcp_approval_response"})
