"""The MIME type of a downloaded file, by its first bytes: only formats that are accepted, and none that a browser would
execute.

The tables list the formats that Gemini reads and that have a signature; plain text has none, so it is accepted only
with its declared type. SVG may contain scripts and is rejected.
"""

from collections.abc import Callable
from typing import Final

from api.gemini.media_types import normalise_mime_type

_BRANDS: Final = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/mov",
    b"isom": "video/mp4",
    b"iso2": "video/mp4",
    b"iso4": "video/mp4",
    b"iso5": "video/mp4",
    b"iso6": "video/mp4",
    b"mp41": "video/mp4",
    b"mp42": "video/mp4",
    b"avc1": "video/mp4",
    b"dash": "video/mp4",
    b"M4V ": "video/mp4",
}
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
)
_CONTAINERS: Final = {
    (b"RIFF", b"WEBP"): "image/webp",
    (b"RIFF", b"WAVE"): "audio/wav",
    (b"FORM", b"AIFF"): "audio/aiff",
    (b"FORM", b"AIFC"): "audio/aiff",
}
# The types that servers declare for unknown content.
_UNDECLARED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
# Other names of a format that its first bytes cannot distinguish.
_SAME: Final = {
    "image/heif": "image/heic",
    "video/mpg": "video/mpeg",
    "audio/opus": "audio/ogg",
    "audio/mp4": "video/mp4",
    "audio/webm": "video/webm",
}
_HEAD: Final = 1024


def media_kind(content: bytes, declared: str) -> str | None:
    """Return the MIME type of a file that its server declared as `declared`; None if it is not accepted.

    A declared type must match the first bytes; without one, the first bytes decide.
    """
    name = declared.partition(";")[0].strip().lower()
    found = next((kind for look in _LOOKS if (kind := look(content[:_HEAD]))), None)
    if found is None:
        return "text/plain" if name == "text/plain" and _is_plain_text(content) else None
    if name in _UNDECLARED:
        return found
    regular = normalise_mime_type(name)
    if regular is None or _SAME.get(regular, regular) != _SAME.get(found, found):
        return None
    return regular if found in {"image/heif", "image/heic"} else found


def _by_signature(head: bytes) -> str | None:
    return next((kind for start, kind in _SIGNATURES if head.startswith(start)), None)


def _by_container(head: bytes) -> str | None:
    return _CONTAINERS.get((head[:4], head[8:12]))


def _by_brand(head: bytes) -> str | None:
    return _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None


def _matroska(head: bytes) -> str | None:
    return "video/webm" if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head[:64] else None


def _framed_audio(head: bytes) -> str | None:
    """MPEG audio begins with eleven set bits; the layer distinguishes AAC (0) from MP3 (1)."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return "audio/mpeg" if head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 != 0xF0 else None


def _is_plain_text(content: bytes) -> bool:
    if b"\x00" in content or b"<svg" in content[:_HEAD].lower():
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return bool(content.strip())


_LOOKS: Final[tuple[Callable[[bytes], str | None], ...]] = (
    _by_signature,
    _by_container,
    _by_brand,
    _matroska,
    _framed_audio,
)
