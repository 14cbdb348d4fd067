"""Other forms of `/v1/...` addresses, and the endpoints that they mean.

A client's base URL may be made for Azure, for Google or for another gateway; it may lack `/v1`, have it twice or end
with a slash. One table rewrites such a path; `gemini_gateway.routing` looks up the new path.
"""

import re
from difflib import get_close_matches
from typing import Final, NamedTuple


class ResolvedPath(NamedTuple):
    """A path under `/v1`, and the model in the address, "" without one."""

    path: str
    deployment: str = ""


# Applied in this order, each once: the match of the pattern is replaced by the text.
_RULES: Final = (
    # Prefixes of the endpoint: nothing, "//v1", "/v1/v1", "/api/v1", "/openai" and "/openai/v1" (Azure),
    # "/v1beta/openai" (Google), "/v1/projects/P/locations/L/endpoints/openapi" (Vertex AI).
    (
        re.compile(
            r"\A(?:/+(?:v1(?:beta1?)?/+projects/[^/]+/locations/[^/]+/endpoints/[^/]+|v1(?:alpha|beta)/+openai|v1|api|openai)"
            r"(?=/|\Z))*/*"
        ),
        "/v1/",
    ),
    # Azure: the model is the deployment in the path.
    (
        re.compile(
            r"\A/v1/deployments/(?P<deployment>.{1,200}?)/+"
            r"(?=(?:chat/completions|completions|responses(?:/compact|/input_tokens)?)/*\Z)"
        ),
        "/v1/",
    ),
    (re.compile(r"(?<!/)/+\Z"), ""),
)

CHAT: Final = "/v1/chat/completions"
ENDPOINTS: Final = (CHAT, "/v1/completions", "/v1/responses", "/v1/conversations", "/v1/models", "/v1/sessions")
# Paths of other protocols that correspond to chat completions.
_OTHER_PROTOCOLS: Final = re.compile(
    r":(?:stream)?generateContent\Z|/messages/?\Z|/(?:api|v1)/(?:chat|generate)/?\Z|/interactions/?\Z", re.IGNORECASE
)
_LONGEST: Final = 200


def resolve_path(path: str) -> ResolvedPath:
    """Return the address under `/v1` that a path probably means."""
    deployment = ""
    for pattern, replacement in _RULES:
        if (found := pattern.search(path)) is None:
            continue
        deployment = found.groupdict().get("deployment", deployment)
        path = path[: found.start()] + replacement + path[found.end() :]
    return ResolvedPath(path, deployment)


def suggestion(path: str) -> str:
    """Return the endpoint most similar to an unknown path, "" without one; for an error message."""
    if len(path) > _LONGEST:
        return ""
    plain = resolve_path(re.sub("/+", "/", path.lower())).path
    for endpoint in ENDPOINTS:  # a longer endpoint precedes its own suffix
        if plain.endswith(endpoint.removeprefix("/v1")):
            return endpoint
    if _OTHER_PROTOCOLS.search(path):
        return CHAT
    return next(iter(get_close_matches(plain, ENDPOINTS, n=1, cutoff=0.75)), "")
