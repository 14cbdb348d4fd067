"""Images and speech of earlier messages in stored Gemini contents."""

from collections.abc import Mapping
from typing import Any, cast

from api.gemini.wire import Content


def has_same_images(message: Mapping[str, Any], content: Content) -> bool:
    """Tell whether the stored content has the images in the client's message; True if the client sent none.

    Two completions without text have equal messages in the tree; their images distinguish them.
    """
    images = message.get("images")
    if not isinstance(images, list):
        return True
    sent = [_url(image) for image in images]
    if not all(isinstance(url, str) and url[:5].lower() == "data:" for url in sent):
        return True
    blobs = [part["inlineData"] for part in content["parts"] if "inlineData" in part and not part.get("thought")]
    shown = [blob for blob in blobs if blob.get("mimeType", "").startswith("image/")]
    return sent == [f"data:{blob.get('mimeType')};base64,{blob.get('data')}" for blob in shown]


def without_speech(content: Content) -> Content:
    """Return a model content without audio: no Gemini model accepts its own speech as input."""
    parts = content["parts"]
    if not any("inlineData" in part for part in parts):
        return content
    silent = [part for part in parts if not part.get("inlineData", {}).get("mimeType", "").startswith("audio/")]
    return content if len(silent) == len(parts) else cast("Content", {**content, "parts": silent})


def _url(image: Any) -> Any:
    inner = image.get("image_url") if isinstance(image, Mapping) else None
    return inner.get("url") if isinstance(inner, Mapping) else inner
