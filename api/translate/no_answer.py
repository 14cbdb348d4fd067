"""Answers that are none, although Gemini has sent them with a 200: a function call got lost in them."""

from typing import Final

from api.errors import UpstreamError

MALFORMED: Final = "upstream_malformed_answer"


def unplaced() -> UpstreamError:
    """Return the error for arguments of no function call."""
    return UpstreamError("The upstream model sent function call arguments that belong to no call.", code=MALFORMED)
