"""Emulated Google Search: with the tool in the request, text output cites invented sources.

Offsets are bytes of the text's UTF-8, as Google's are: https://ai.google.dev/gemini-api/docs/google-search.
"""

import re
from typing import Any

from api.emulator.conversation import Conversation

MAX_QUERY = 100
MAX_SUPPORTS = 3
# Not ASCII, so that byte and character offsets differ from the first sentence on.
OPENING = "Recherché \u2014 "
_SENTENCE = re.compile(r"\S[^.!?\n]*[.!?]?")


def searches(conversation: Conversation) -> bool:
    """Whether the request declares Google Search."""
    return any("googleSearch" in tool for tool in conversation.request.get("tools", []))


def grounding_for(conversation: Conversation, text: str) -> dict[str, Any]:
    """Return the groundingMetadata of a text: one source for each of its first sentences."""
    query = conversation.prompt[:MAX_QUERY]
    found = list(_SENTENCE.finditer(text))[:MAX_SUPPORTS]
    return {
        "searchEntryPoint": {"renderedContent": "<div>Google Search, played by the Gemini emulator</div>"},
        "groundingChunks": [
            {"web": {"uri": f"https://example.com/source/{number}", "title": f"Source {number}"}}
            for number in range(1, len(found) + 1)
        ],
        "groundingSupports": [_support(text, match, index) for index, match in enumerate(found)],
        "webSearchQueries": [query],
    }


def _support(text: str, match: re.Match[str], index: int) -> dict[str, Any]:
    start = len(text[: match.start()].encode())
    segment = {"endIndex": start + len(match[0].encode()), "text": match[0]}
    # Proto JSON omits zero.
    return {"segment": ({"startIndex": start} if start else {}) | segment, "groundingChunkIndices": [index]}
