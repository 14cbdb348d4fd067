"""The full form of items: every field that OpenAI's types require of an item in a response, also if the client omitted
it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from api.openai.responses.items import item_type
from api.translate.responses.input.content import image_of
from api.translate.responses.request_echo import whole_tool

Item = dict[str, Any]

_PREFIXES: Final = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "reasoning": "rs",
    "compaction": "cmp",
    "image_generation_call": "ig",
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "computer_call": "cu",
    "computer_call_output": "cuo",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "local_shell_call": "lsh",
    "local_shell_call_output": "lsho",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
}
_COMPLETED: Final[Item] = {"status": "completed"}
# The values of fields that a client may omit, by item type. OpenAI's document requires some of them as nulls.
_DEFAULTS: Final[Mapping[str, Item]] = {
    **dict.fromkeys(
        (
            *("message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"),
            *("computer_call_output", "local_shell_call", "local_shell_call_output"),
            *("apply_patch_call", "apply_patch_call_output", "program_output"),
        ),
        _COMPLETED,
    ),
    "reasoning": {"summary": []},
    "computer_call": {**_COMPLETED, "pending_safety_checks": []},
    "file_search_call": {**_COMPLETED, "queries": []},
    "web_search_call": {**_COMPLETED, "action": {"type": "search", "query": "", "queries": []}},
    "code_interpreter_call": {**_COMPLETED, "code": None, "container_id": "", "outputs": None},
    "image_generation_call": {**_COMPLETED, "result": None},
    "tool_search_call": {**_COMPLETED, "call_id": None},
    "tool_search_output": {**_COMPLETED, "call_id": None},
    "shell_call": {**_COMPLETED, "environment": None},
    "shell_call_output": {**_COMPLETED, "max_output_length": None},
    "additional_tools": {"role": "developer"},
}
_SHELL_ACTION: Final[Item] = {"timeout_ms": None, "max_output_length": None}
_SHELL_OUTPUT: Final[Item] = {"stdout": "", "stderr": ""}
_TEXTS: Final = frozenset({"input_text", "output_text", "text"})


def id_prefix(kind: str) -> str:
    """Return the prefix of the ids of an item type."""
    return _PREFIXES.get(kind, "item")


def whole_item(item: Mapping[str, Any]) -> Item:
    """Return an item in its full form: required fields are present, content is a list of parts, other nulls are
    removed.
    """
    kind = item_type(dict(item)) or ""
    whole = {name: value for name, value in item.items() if value is not None}
    whole["type"] = kind
    for name, value in _DEFAULTS.get(kind, {}).items():
        whole.setdefault(name, value)
    if kind in _FORMS:
        _FORMS[kind](whole)
    return whole


def _message(item: Item) -> None:
    content, answer = item["content"], item["role"] == "assistant"
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    item["content"] = [_part(part, answer=answer) for part in parts]


def _output(item: Item) -> None:
    if not isinstance(item["output"], str):
        item["output"] = [_part(part, answer=False) for part in item["output"]]


def _part(part: Mapping[str, Any], *, answer: bool) -> Item:
    """Return a part of a message or a tool result; text has its own type in an assistant message."""
    kind = part["type"]
    if kind in _TEXTS and answer:
        return {"annotations": [], "logprobs": [], **_given(part), "type": "output_text"}
    if kind in _TEXTS:
        return {**_given(part), "type": "input_text"}
    if kind == "input_image" and part.get("image_url"):
        image = image_of(part)
        return {**_given(part), "image_url": image["url"], "detail": image["detail"]}
    if kind == "input_image":
        return {"detail": "auto", **_given(part)}
    return dict(part)


def _search(item: Item) -> None:
    """A search with a call id is executed by the client."""
    item.setdefault("execution", "client" if item["call_id"] else "server")


def _found(item: Item) -> None:
    _search(item)
    _tools(item)


def _tools(item: Item) -> None:
    item["tools"] = [whole_tool(tool) for tool in item["tools"]]


def _shell(item: Item) -> None:
    _fill(item, "action", _SHELL_ACTION)


def _shell_output(item: Item) -> None:
    outputs = item.get("output")
    if isinstance(outputs, Sequence) and not isinstance(outputs, str):
        item["output"] = [_filled(output, _SHELL_OUTPUT) for output in outputs]


def _local_shell(item: Item) -> None:
    _fill(item, "action", {"type": "exec", "env": {}})


def _screenshot(item: Item) -> None:
    _fill(item, "output", {"type": "computer_screenshot"})


def _fill(item: Item, name: str, defaults: Item) -> None:
    if name in item:
        item[name] = _filled(item[name], defaults)


def _filled(value: Any, defaults: Item) -> Any:
    """Return an object with defaults for missing fields; any other value unchanged."""
    return {**defaults, **_given(value)} if isinstance(value, Mapping) else value


def _given(part: Mapping[str, Any]) -> Item:
    return {name: value for name, value in part.items() if value is not None}


_FORMS: Final[Mapping[str, Callable[[Item], None]]] = {
    "message": _message,
    "function_call_output": _output,
    "custom_tool_call_output": _output,
    "tool_search_call": _search,
    "tool_search_output": _found,
    "additional_tools": _tools,
    "shell_call": _shell,
    "shell_call_output": _shell_output,
    "local_shell_call": _local_shell,
    "computer_call_output": _screenshot,
}
