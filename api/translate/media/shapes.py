"""The forms of media in requests: OpenAI's objects, and the plain strings that other servers accept as well.

{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
{"type": "image_url", "image_url": "https://a.example/b.png"}
"""

from collections.abc import Mapping
from typing import Any, Final

# The field that a plain string means, by kind of medium.
_STRINGS: Final = {"image_url": "url", "video_url": "url", "input_audio": "data", "file": "file_data"}


def media_body(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the medium of a content part as OpenAI's object."""
    kind = part["type"]
    medium: Mapping[str, Any] | str = part[kind]
    return {_STRINGS[kind]: medium} if isinstance(medium, str) else medium
