"""The model of a request that stands outside its body: in the address, or in the settings of the key.

An address is Azure's `/openai/deployments/{model}/chat/completions`. As at Azure, the deployment replaces the body's
`model`; the default applies to a body without one.
"""

import orjson

from api.json.repair import BYTE_ORDER_MARK, read_json
from api.notes import Note
from api.openai.shared.validation import printable_name


def with_model(body: bytes, deployment: str) -> bytes:
    """Return the JSON object `body` with `deployment` as its `model`; any other body unchanged.

    The member is appended: of duplicate members, the last one is used.
    """
    inner = body.strip().removeprefix(BYTE_ORDER_MARK)
    if not (inner.startswith(b"{") and inner.endswith(b"}")):
        return body
    separator = b"," if inner[1:-1].strip() else b""
    return inner[:-1] + separator + b'"model":' + orjson.dumps(deployment) + b"}"


def overruled(body: bytes, deployment: str) -> tuple[Note, ...]:
    """Return the note for a body whose `model` differs from the deployment."""
    try:
        given, _ = read_json(body)
    except orjson.JSONDecodeError:  # the parser reports it
        return ()
    if not isinstance(given, dict) or given.get("model") in (None, deployment):
        return ()
    return (Note("mapped", "model", "replaced by the deployment name in the URL"),)


def lacks_model(body: bytes) -> bool:
    """Whether a body is a JSON object without a `model`, or with null as `model`."""
    try:
        given, _ = read_json(body)
    except orjson.JSONDecodeError:  # the parser reports it
        return False
    return isinstance(given, dict) and given.get("model") is None


def default_model(model: str) -> Note:
    """Return the note for a request that gets the default model of its key."""
    return Note("added", "model", f"{printable_name(model)}: the default model of the API key")
