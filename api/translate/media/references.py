"""Finds the URLs of a conversation that must be fetched before the translation, and media that the tree has stored.

`api.media.fetcher` fetches them, and the translation gets their contents (rule 78).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from api.gemini.wire import Blob, Content, Part
from api.translate.conversation.parts import TEXT_KINDS, must_be_fetched
from api.translate.media.shapes import media_body

MediaKind = Literal["image", "video", "file"]


@dataclass(slots=True, kw_only=True)
class MediaReference:
    """A URL that Gemini does not fetch; `message` is the index of the message, `param` OpenAI's name of the field."""

    message: int
    url: str
    param: str
    kind: MediaKind


def media_references(
    messages: Sequence[Mapping[str, Any]], *, restored: Mapping[int, Content]
) -> Iterator[MediaReference]:
    """Yield every URL to fetch; messages in `restored` are sent as stored and have none."""
    for index, message in enumerate(messages):
        if index in restored:
            continue
        content = message.get("content")
        if isinstance(content, list):
            for place, part in enumerate(content):
                yield from _of_part(part, index, f"messages[{index}].content[{place}]")
        if message.get("images"):
            yield from _of_images(message["images"], index)


def stored_media(message: Mapping[str, Any], content: Content) -> dict[str, Blob]:
    """Return the media fetched for the message's first request, by URL, from its stored Gemini content.

    The i-th medium of the message is the i-th medium of the content; if their numbers differ, the result is empty.
    """
    parts = message.get("content")
    if not isinstance(parts, list):
        return {}
    requested = [part for part in parts if part["type"] not in TEXT_KINDS]
    kept = list(_media_of(content.get("parts") or ()))
    if len(requested) != len(kept):
        return {}
    found: dict[str, Blob] = {}
    for part, stored in zip(requested, kept, strict=True):
        for reference in _of_part(part, 0, ""):
            if "inlineData" in stored:
                found[reference.url] = stored["inlineData"]
    return found


def _of_part(part: Mapping[str, Any], message: int, path: str) -> Iterator[MediaReference]:
    kind = str(part.get("type"))
    if kind not in _KINDS:
        return
    field = "file_data" if kind == "file" else "url"
    url = media_body(part).get(field) or ""
    if must_be_fetched(url):
        yield MediaReference(message=message, url=url, param=f"{path}.{kind}.{field}", kind=_KINDS[kind])


def _of_images(images: Any, message: int) -> Iterator[MediaReference]:
    """Yield the images of an earlier message, in the form of other servers: `{"image_url": {"url": ...}}`."""
    for place, image in enumerate(images if isinstance(images, list) else ()):
        inner = image.get("image_url") if isinstance(image, Mapping) else None
        url = inner.get("url") if isinstance(inner, Mapping) else inner
        if isinstance(url, str) and must_be_fetched(url):
            param = f"messages[{message}].images[{place}].image_url.url"
            yield MediaReference(message=message, url=url, param=param, kind="image")


def _media_of(parts: Sequence[Part]) -> Iterator[Mapping[str, Any]]:
    """Yield the media of a stored content, including those inside a function's result."""
    for part in parts:
        if "functionResponse" in part:
            yield from part["functionResponse"].get("parts") or ()
        elif "inlineData" in part or "fileData" in part:
            yield part


_KINDS: Mapping[str, MediaKind] = {"image_url": "image", "video_url": "video", "file": "file"}
