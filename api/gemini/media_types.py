"""Tables of the media types that Gemini reads: aliases, file extensions, supported MIME types.

Follows https://ai.google.dev/gemini-api/docs/vision, /audio, /video-understanding and /document-processing.
"""

_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/mpeg3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-aac": "audio/aac",
    "audio/x-flac": "audio/flac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-m4a": "audio/m4a",
    "video/quicktime": "video/mov",
    "video/x-msvideo": "video/avi",
    "application/x-pdf": "application/pdf",
}

_EXTENSIONS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "aiff": "audio/aiff",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "opus": "audio/opus",
    "m4a": "audio/m4a",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "mov": "video/mov",
    "avi": "video/avi",
    "flv": "video/x-flv",
    "webm": "video/webm",
    "wmv": "video/wmv",
    "3gp": "video/3gpp",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "htm": "text/html",
    "css": "text/css",
    "csv": "text/csv",
    "xml": "text/xml",
    "rtf": "text/rtf",
    "json": "application/json",
    "js": "text/javascript",
    "py": "text/x-python",
}

KNOWN_MIME_TYPES = frozenset({*_EXTENSIONS.values(), "audio/webm", "audio/pcm", "audio/l16", "audio/mp4"})


def normalise_mime_type(mime_type: str) -> str | None:
    """Return the canonical MIME type, or None for a type that Gemini does not read.

    Parameters are removed (`audio/wav;rate=16000` becomes `audio/wav`), except the rate of raw PCM. All text types are
    supported.
    """
    name, _, parameters = mime_type.strip().lower().partition(";")
    name = name.strip()
    name = _ALIASES.get(name, name)
    if name in {"audio/pcm", "audio/l16"} and parameters:
        return f"{name};{parameters.strip()}"
    return name if name in KNOWN_MIME_TYPES or name.startswith("text/") else None


def mime_type_from_name(name: str) -> str | None:
    """Return the MIME type for the extension of a file name or URI; None if unknown."""
    path = name.partition("?")[0].partition("#")[0] if "://" in name else name
    _, dot, extension = path.rpartition(".")
    return _EXTENSIONS.get(extension.lower()) if dot else None


def known_mime_types() -> str:
    """Return the supported types as text for an error message."""
    return ", ".join(sorted(KNOWN_MIME_TYPES)) + ", text/*"
