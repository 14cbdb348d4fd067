"""Inline media: base64 and `data:` URLs to Gemini's `inlineData`.

The bytes are checked, never decoded; an error names the parameter, never its content.
"""

from api.errors import InvalidRequestError
from api.gemini.media_types import known_mime_types, normalise_mime_type
from api.gemini.wire import Blob

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_WHITESPACE = b" \t\r\n"


def data_url_to_blob(url: str, *, param: str) -> Blob:
    """Return the blob of a `data:<type>;base64,<data>` URL.

    Raises InvalidRequestError naming `param` for a URL of another form, an unknown type or bad base64.
    """
    head, comma, data = url.partition(",")
    mime_type, marker, _ = head[len("data:") :].lower().rpartition(";base64")
    if not comma or not marker or not mime_type:
        raise InvalidRequestError(
            f"Invalid data URL in '{param}': expected 'data:<media type>;base64,<data>'.",
            param=param,
            code="invalid_value",
        )
    return base64_to_blob(data, mime_type=mime_type, param=param)


def base64_to_blob(data: str, *, mime_type: str, param: str) -> Blob:
    """Return the blob of base64 text with a media type; both alphabets and line breaks are accepted.

    Raises InvalidRequestError naming `param`.
    """
    known = normalise_mime_type(mime_type)
    if known is None:
        raise InvalidRequestError(
            f"Unsupported media type in '{param}'. Supported types: {known_mime_types()}.",
            param=param,
            code="invalid_value",
        )
    return {"mimeType": known, "data": _checked_base64(data, param=param)}


def is_base64(text: str) -> bool:
    """Tell whether `text` is base64 of at least one byte, in either alphabet, padded or not."""
    if not text.isascii():
        return False
    digits = text.rstrip("=")
    padding = len(text) - len(digits)
    if not digits or len(digits) % 4 == 1 or (padding and (len(text) % 4 or padding > 2)):
        return False
    # Deleting the alphabet and checking the remainder is many times faster than decoding or matching a pattern.
    return not digits.encode().translate(None, _ALPHABET)


def _checked_base64(data: str, *, param: str) -> str:
    if any(space in data for space in ("\n", "\r", " ", "\t")) and data.isascii():
        data = data.encode().translate(None, _WHITESPACE).decode()
    if not is_base64(data):
        raise InvalidRequestError(f"Invalid base64 data in '{param}'.", param=param, code="invalid_value")
    return data
