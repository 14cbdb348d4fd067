"""The model that an address names, as Azure's do: `/openai/deployments/{model}/chat/completions`.

Azure answers with the deployment whatever the body says, so the body's `model` gives way to it.
"""

import orjson

from api.json.repair import BYTE_ORDER_MARK, read_json
from api.notes import Note


def with_model(body: bytes, deployment: str) -> bytes:
    """Return the JSON object `body` with `deployment` as its `model`; a body that is no object as it is.

    The name becomes the object's last member: of two members with one name the last one holds.
    """
    inner = body.strip().removeprefix(BYTE_ORDER_MARK)
    if not (inner.startswith(b"{") and inner.endswith(b"}")):
        return body
    separator = b"," if inner[1:-1].strip() else b""
    return inner[:-1] + separator + b'"model":' + orjson.dumps(deployment) + b"}"


def overruled(body: bytes, deployment: str) -> tuple[Note, ...]:
    """Return the note for a body that names another model than its address."""
    try:
        given, _ = read_json(body)
    except orjson.JSONDecodeError:  # the parser says so
        return ()
    if not isinstance(given, dict) or given.get("model") in (None, deployment):
        return ()
    return (Note("mapped", "model", "replaced by the deployment name in the URL"),)
