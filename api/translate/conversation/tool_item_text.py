"""Renders items of OpenAI's own tools as text, for an assistant message without a stored Gemini content.

The message has them as `tool_items`, in the form of the Responses API.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from api.errors import InvalidRequestError
from api.gemini.wire import Part
from api.translate.conversation.code_blocks import code_result_to_text, executable_code_to_text
from api.translate.media.data_urls import data_url_to_blob
from api.translate.request.context import RequestContext

Item = Mapping[str, Any]

# Fields that are equal in all items, or irrelevant to a model.
_BESIDE: Final = frozenset({"type", "id", "call_id", "status", "created_by", "caller", "fingerprint", "container_id"})


def item_text(item: Item) -> str:
    """Return an item as marked text, with all relevant fields.

    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    <web_search_call>
    {"action":{"type":"search","query":"x"}}
    </web_search_call>
    """
    # An approval response refers to the id of its request.
    beside = _BESIDE - {"id"} if item["type"] == "mcp_approval_request" else _BESIDE
    fields = {name: value for name, value in item.items() if name not in beside and value is not None}
    return f"<{item['type']}>\n{orjson.dumps(fields).decode()}\n</{item['type']}>"


def tool_item_parts(items: Sequence[Item], *, path: str, context: RequestContext) -> list[Part]:
    """Return the parts of a message's items: text, and the images that code generated."""
    parts: list[Part] = []
    for index, item in enumerate(items):
        context.note("converted", f"{path}.tool_items[{index}]", "built-in tool call: sent as text")
        code = item.get("code")
        outputs = item.get("outputs")
        if item["type"] == "code_interpreter_call" and isinstance(code, str):
            parts += _code_parts(code, outputs if isinstance(outputs, list) else [])
        else:
            parts.append({"text": f"{item_text(item)}\n"})
    return parts


def is_picture(url: Any) -> bool:
    """Whether a URL holds a valid inline image: any other would need a fetch, and may have expired."""
    if not isinstance(url, str) or url[:11].lower() != "data:image/":
        return False
    try:
        data_url_to_blob(url, param="input")
    except InvalidRequestError:
        return False
    return True


def _code_parts(code: str, outputs: Sequence[Any]) -> list[Part]:
    """Return code and its outputs, in the same form as Gemini's own code execution."""
    parts: list[Part] = []
    text = executable_code_to_text({"language": "PYTHON", "code": code})
    for output in outputs:
        if not isinstance(output, Mapping):
            continue
        url = output.get("url")
        if is_picture(url):
            parts.append({"inlineData": data_url_to_blob(str(url), param="input")})
        elif output.get("type") == "image":
            shown = url if isinstance(url, str) and url[:5].lower() != "data:" else "not readable"
            text += f"An image: {shown}\n"
        else:
            text += code_result_to_text({"output": output.get("logs")})
    return [{"text": text}, *parts] if text else parts
