"""The content of items to the content parts of chat completions, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.errors import InvalidRequestError
from api.translate.media.shapes import media_body

Part = dict[str, Any]
_TEXT = frozenset({"input_text", "output_text", "text"})
_MARKS = ("prompt_cache_breakpoint",)


def content_to_chat(content: str | Sequence[Mapping[str, Any]], *, path: str) -> str | list[Part]:
    """Return an item's content in chat completions' form; a string stays a string.

    Raises InvalidRequestError naming an image or a file without a URL, data or id.
        [{"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "low"}]
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}}]
    """
    if isinstance(content, str):
        return content
    return [_part(part, f"{path}[{index}]") for index, part in enumerate(content)]


def is_text(part: Mapping[str, Any]) -> bool:
    """Tell whether a part of an item's content is text."""
    return part["type"] in _TEXT


def content_to_item(content: Any, *, assistant: bool) -> list[Part]:
    """Return a message's content as the parts of an item; `assistant` is True for an assistant message."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}] if content else []
    return [_item_part(part, assistant=assistant) for part in content or ()]


def image_of(part: Mapping[str, Any]) -> dict[str, str]:
    """Return `url` and `detail` of an image, also from an object as in chat completions."""
    address = part["image_url"]
    inner: Mapping[str, Any] = {"url": address} if isinstance(address, str) else address
    return {"url": inner["url"], "detail": part.get("detail") or inner.get("detail") or "auto"}


def _part(part: Mapping[str, Any], path: str) -> Part:
    kind = part["type"]
    if kind in _TEXT:
        chat: Part = {"type": "text", "text": part["text"]}
    elif kind == "input_image":
        chat = _image(part, path)
    elif kind == "input_file":
        chat = _file(part, path)
    else:
        return dict(part)  # a refusal or audio: equal in both forms
    return chat | {mark: part[mark] for mark in _MARKS if part.get(mark)}


def _image(part: Mapping[str, Any], path: str) -> Part:
    if part.get("image_url"):
        image = image_of(part)
        # OpenAI returns `auto` in every image; without it the message equals the client's original one.
        if image["detail"] == "auto":
            del image["detail"]
        return {"type": "image_url", "image_url": image}
    if part.get("file_id"):
        return {"type": "file", "file": {"file_id": part["file_id"]}}
    raise _missing(f"{path}.image_url")


def _file(part: Mapping[str, Any], path: str) -> Part:
    file = {name: part[name] for name in ("file_data", "file_id", "filename") if part.get(name)}
    if part.get("file_url"):
        file["file_data"] = part["file_url"]
    if not file.keys() & {"file_data", "file_id"}:
        raise _missing(f"{path}.file_data")
    return {"type": "file", "file": file}


def _missing(param: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def _item_part(part: Mapping[str, Any], *, assistant: bool) -> Part:
    kind = part["type"]
    if kind == "text":
        if assistant:
            return {"type": "output_text", "annotations": [], "logprobs": [], "text": part["text"]}
        return {"type": "input_text", "text": part["text"]}
    if kind == "image_url":
        image = media_body(part)
        return {"type": "input_image", "detail": image.get("detail") or "auto", "image_url": image["url"]}
    if kind == "file":
        return {"type": "input_file", **media_body(part)}
    return dict(part)
