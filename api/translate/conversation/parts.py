"""OpenAI's content parts to Gemini's parts: text, images, audio, video and files, one function per `type`.

No media are fetched here. `data:` URLs become `inlineData`; URIs that Google resolves (its Files API, Cloud Storage,
YouTube) become `fileData`; any other URL is replaced by its previously fetched content, because Gemini does not fetch
URLs (rule 78).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.errors import InvalidRequestError
from api.gemini.media_types import known_mime_types, mime_type_from_name
from api.gemini.wire import FileData, Part
from api.translate.media.data_urls import base64_to_blob, data_url_to_blob
from api.translate.media.shapes import media_body
from api.translate.request.context import RequestContext
from api.translate.request.unknown_fields import note_unknown

_GOOGLE_URI = re.compile(
    r"""gs://.+
      | https://generativelanguage\.googleapis\.com/(?:[a-z0-9]+/)?files/.+
      | https?://(?:www\.|m\.)?youtube\.com/(?:watch\?|shorts/|embed/|live/).+
      | https?://youtu\.be/.+""",
    re.VERBOSE,
)
_SCHEME_LENGTH = 40

# Gemini rejects a content without parts or with empty text; a blank is the shortest valid text (rule 7).
BLANK: Part = {"text": " "}
_BARE = 2  # number of fields of a part with type and content only
# The content part types that hold text in a field of their own name.
TEXT_KINDS = frozenset({"text", "refusal"})

_AUDIO_FORMATS = {
    "wav": "audio/wav",
    "wave": "audio/wav",
    "mp3": "audio/mpeg",
    "mpeg": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "m4a": "audio/m4a",
    "webm": "audio/webm",
}

# Gemini's levels of OpenAI's `detail`; `auto` is the model's default and is not sent (rule 82).
DETAIL_RESOLUTIONS = {
    "low": "MEDIA_RESOLUTION_LOW",
    "high": "MEDIA_RESOLUTION_HIGH",
    "original": "MEDIA_RESOLUTION_ULTRA_HIGH",
}


def content_to_parts(content: str | Sequence[Mapping[str, Any]], *, path: str, context: RequestContext) -> list[Part]:
    """Return the parts of a message's content; empty text is left out (rule 7).

    `path` is OpenAI's name of the content (`messages[0].content`). Raises InvalidRequestError naming the part.
        [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}]
        [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]
    """
    if isinstance(content, str):
        return [{"text": content}] if content else []
    parts: list[Part] = []
    for index, part in enumerate(content):
        kind = part["type"]
        if kind in TEXT_KINDS:
            if part[kind]:
                parts.append({"text": part[kind]})
        else:
            parts.append(media_to_part(part, path=f"{path}[{index}]", context=context))
        note_beside(part, f"{path}[{index}]", context)
    return parts


def media_to_part(part: Mapping[str, Any], *, path: str, context: RequestContext) -> Part:
    """Return the part of an image, audio, video or file; `path` is OpenAI's name of the content part.

    Raises InvalidRequestError naming the invalid field.
    """
    kind = part["type"]
    note_unknown(media_body(part), _MEDIA_FIELDS[kind], path=f"{path}.{kind}", context=context)
    return _MEDIA_TRANSLATIONS[kind](part, path, context)


def note_beside(part: Mapping[str, Any], path: str, context: RequestContext) -> None:
    """Note the fields of a part besides its type and its content."""
    if len(part) <= _BARE:
        return
    if part.get("prompt_cache_breakpoint") is not None:
        context.note("dropped", f"{path}.prompt_cache_breakpoint", "Gemini caches prompts automatically")
    note_unknown(part, {"type", part["type"], "prompt_cache_breakpoint"}, path=path, context=context)


def must_be_fetched(url: str) -> bool:
    """Tell whether a URL names a web file that neither the request contains nor Google fetches."""
    return url[:8].lower().startswith(("http://", "https://")) and not _GOOGLE_URI.fullmatch(url)


def url_to_part(url: str, *, param: str, what: str, context: RequestContext) -> Part:
    """Return the part of a URL; `what` is "image", "video" or "file", for the error message.

    Raises InvalidRequestError for an invalid or unfetched URL.
    """
    if url[:5].lower() == "data:":
        return {"inlineData": data_url_to_blob(url, param=param)}
    if _GOOGLE_URI.fullmatch(url):
        return {"fileData": _file_data(url)}
    if must_be_fetched(url):
        blob = context.fetched.get(url)
        if blob is not None:
            return {"inlineData": blob}
        raise InvalidRequestError(
            f"This server does not fetch {what} URLs: send '{param}' as a data URL "
            "('data:<media type>;base64,<data>').",
            param=param,
            code="unsupported_value",
        )
    raise InvalidRequestError(
        f"Invalid URL in '{param}': expected an http(s) or data URL, or a URI of Google's Files API.",
        param=param,
        code="invalid_value",
    )


def _file_data(uri: str) -> FileData:
    mime_type = mime_type_from_name(uri) if uri.startswith("gs://") else None
    return {"mimeType": mime_type, "fileUri": uri} if mime_type else {"fileUri": uri}


def _image_to_part(part: Mapping[str, Any], path: str, context: RequestContext) -> Part:
    image = media_body(part)
    translated = url_to_part(image["url"], param=f"{path}.image_url.url", what="image", context=context)
    detail = image.get("detail") or "auto"
    if detail != "auto" and detail not in DETAIL_RESOLUTIONS:
        context.note("dropped", f"{path}.image_url.detail", "supported values are auto, low, high and original")
        detail = "auto"
    if not context.profile.media_resolution_per_part:
        context.image_details.append(detail)
    elif detail in DETAIL_RESOLUTIONS:
        translated["mediaResolution"] = {"level": DETAIL_RESOLUTIONS[detail]}
    return translated


def _video_to_part(part: Mapping[str, Any], path: str, context: RequestContext) -> Part:
    return url_to_part(media_body(part)["url"], param=f"{path}.video_url.url", what="video", context=context)


def _audio_to_part(part: Mapping[str, Any], path: str, _context: RequestContext) -> Part:
    audio = media_body(part)
    data, sound = audio["data"], audio.get("format")
    param = f"{path}.input_audio.data"
    if not sound and data[:5].lower() == "data:":
        return {"inlineData": data_url_to_blob(data, param=param)}
    if not sound:
        raise missing(f"{path}.input_audio.format")
    mime_type = _AUDIO_FORMATS.get(sound.lower().removeprefix("audio/").removeprefix("x-"))
    if mime_type is None:
        raise InvalidRequestError(
            f"Invalid value for '{path}.input_audio.format': supported formats are {', '.join(_AUDIO_FORMATS)}.",
            param=f"{path}.input_audio.format",
            code="invalid_value",
        )
    if data[:5].lower() == "data:":
        return {"inlineData": data_url_to_blob(data, param=param)}
    return {"inlineData": base64_to_blob(data, mime_type=mime_type, param=param)}


def _file_to_part(part: Mapping[str, Any], path: str, context: RequestContext) -> Part:
    file = media_body(part)
    data, file_id = file.get("file_data"), file.get("file_id")
    if data:
        param = f"{path}.file.file_data"
        if data[:5].lower() == "data:" or "://" in data[:_SCHEME_LENGTH]:
            return url_to_part(data, param=param, what="file", context=context)
        mime_type = mime_type_from_name(file.get("filename") or "")
        if mime_type is None:
            raise InvalidRequestError(
                f"Cannot tell the media type of '{param}': send a data URL, or a 'filename' whose extension "
                f"stands for one of {known_mime_types()}.",
                param=param,
                code="invalid_value",
            )
        return {"inlineData": base64_to_blob(data, mime_type=mime_type, param=param)}
    if file_id and _GOOGLE_URI.fullmatch(file_id):
        return {"fileData": _file_data(file_id)}
    if file_id:
        raise InvalidRequestError(
            f"Uploaded files are not available yet: send '{path}.file.file_data' instead of '{path}.file.file_id'.",
            param=f"{path}.file.file_id",
            code="unsupported_value",
        )
    raise missing(f"{path}.file.file_data")


def missing(param: str) -> InvalidRequestError:
    """Return the error for a part without a required field."""
    return InvalidRequestError(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


_MEDIA_FIELDS = {
    "image_url": ("url", "detail"),
    "video_url": ("url",),
    "input_audio": ("data", "format"),
    "file": ("file_data", "file_id", "filename"),
}
_MEDIA_TRANSLATIONS: dict[str, Callable[[Mapping[str, Any], str, RequestContext], Part]] = {
    "image_url": _image_to_part,
    "video_url": _video_to_part,
    "input_audio": _audio_to_part,
    "file": _file_to_part,
}
