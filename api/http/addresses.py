"""Addresses in other forms than `/v1/...`, and what they mean.

A program's base URL may be made for Azure, for Google or for another gateway; it may lack `/v1`, hold it twice or end
in a slash. One table rewrites such a path; `gemini_gateway.routing` looks whether an endpoint has the new path.
"""

import re
from difflib import get_close_matches
from typing import Final, NamedTuple


class Meant(NamedTuple):
    """A path under `/v1`, and the model that the address names, "" where it names none."""

    path: str
    deployment: str = ""


# Tried in this order, each once; the new path is what the pattern's match becomes.
_RULES: Final = (
    # What stands before the endpoint: nothing, "//v1", "/v1/v1", "/api/v1", "/openai" and "/openai/v1" (Azure),
    # "/v1beta/openai" (Google), "/v1/projects/P/locations/L/endpoints/openapi" (Vertex AI).
    (
        re.compile(
            r"\A(?:/+(?:v1(?:beta1?)?/+projects/[^/]+/locations/[^/]+/endpoints/[^/]+|v1(?:alpha|beta)/+openai|v1|api|openai)"
            r"(?=/|\Z))*/*"
        ),
        "/v1/",
    ),
    # Azure: the deployment that the model was given.
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
# What other protocols call the thing that is asked for here with chat completions.
_OTHER_PROTOCOLS: Final = re.compile(
    r":(?:stream)?generateContent\Z|/messages/?\Z|/(?:api|v1)/(?:chat|generate)/?\Z|/interactions/?\Z", re.IGNORECASE
)
_LONGEST: Final = 200


def meant(path: str) -> Meant:
    """Return the address under `/v1` that a path is likely to mean."""
    deployment = ""
    for pattern, replacement in _RULES:
        if (found := pattern.search(path)) is None:
            continue
        deployment = found.groupdict().get("deployment", deployment)
        path = path[: found.start()] + replacement + path[found.end() :]
    return Meant(path, deployment)


def suggestion(path: str) -> str:
    """Return the endpoint that is like a path nobody serves, "" if none is: for a message."""
    if len(path) > _LONGEST:
        return ""
    plain = meant(re.sub("/+", "/", path.lower())).path
    for endpoint in ENDPOINTS:  # the longest of those that end alike comes first
        if plain.endswith(endpoint.removeprefix("/v1")):
            return endpoint
    if _OTHER_PROTOCOLS.search(path):
        return CHAT
    return next(iter(get_close_matches(plain, ENDPOINTS, n=1, cutoff=0.75)), "")
