"""The shapes in which clients send media: OpenAI's objects, and the plain strings that other servers take as well.

{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
{"type": "image_url", "image_url": "https://a.example/b.png"}
"""

from collections.abc import Mapping
from typing import Any, Final

# The field of each kind of medium that a plain string stands for.
_STRINGS: Final = {"image_url": "url", "video_url": "url", "input_audio": "data", "file": "file_data"}


def medium_of(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a content part holds, as the object that OpenAI describes."""
    kind = part["type"]
    medium: Mapping[str, Any] | str = part[kind]
    return {_STRINGS[kind]: medium} if isinstance(medium, str) else medium
