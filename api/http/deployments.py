"""The model in an address, as in Azure's `/openai/deployments/{model}/chat/completions`. As at Azure, the deployment
replaces the body's `model`.
"""

import orjson

from api.json.repair import BYTE_ORDER_MARK, read_json
from api.notes import Note


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
