"""Control of a scriptable emulator in tests: scripted responses, and the received requests."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any


def text_chunk(text: str, **candidate: Any) -> dict[str, Any]:
    """Return a chunk of Gemini's stream with a text and a usage of 3 prompt and 5 output tokens."""
    content = {"role": "model", "parts": [{"text": text}]}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 8}
    return {"candidates": [{"index": 0, "content": content, **candidate}], "usageMetadata": usage}


def text_chunks(*texts: str) -> list[dict[str, Any]]:
    """Return a whole stream of these texts."""
    chunks = [text_chunk(text) for text in texts]
    chunks[-1]["candidates"][0]["finishReason"] = "STOP"
    return chunks


class Emulator:
    """The control endpoints of the emulator at `base_url`; blocking, for use outside an event loop or in a thread."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    def script(self, *steps: dict[str, Any] | list[dict[str, Any]]) -> None:
        """Add steps for the next requests; `api/emulator/service/script.py` describes the steps."""
        flat = [entry for step in steps for entry in (step if isinstance(step, list) else [step])]
        self._call("POST", "/_emulator/script", flat)

    def release(self) -> None:
        """Release the responses (`hold`, `hold_after`) of all steps that were added before."""
        self._call("POST", "/_emulator/release")

    def received(self) -> list[dict[str, Any]]:
        """Return the requests since the reset, oldest first: method, path, query, headers, body, status, and others.

        The key check of a starting gateway, a request for the list of models, is left out (`looks`).
        """
        return [entry for entry in self._journal() if not _is_look(entry)]

    def count(self) -> int:
        """Return the number of requests since the last reset, without a transfer of their bodies."""
        return len([entry for entry in self._journal("?bodies=0") if not _is_look(entry)])

    def looks(self) -> list[dict[str, Any]]:
        """Return the key checks since the last reset."""
        return [entry for entry in self._journal() if _is_look(entry)]

    def bodies(self) -> Iterator[Any]:
        """Yield the JSON bodies of the received POST requests."""
        return (entry["body"] for entry in self.received() if entry["method"] == "POST")

    def _journal(self, query: str = "") -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._call("GET", f"/_emulator/requests{query}")
        return entries

    def reset(self) -> None:
        """Clear script and log, and release held responses."""
        self._call("DELETE", "/_emulator")

    def _call(self, method: str, path: str, value: Any = None) -> Any:
        body = json.dumps(value).encode() if value is not None else None
        request = urllib.request.Request(f"{self.base_url}{path}", data=body, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return json.load(response)


def _is_look(entry: dict[str, Any]) -> bool:
    """Return whether a request is a key check: a request for the list with google-genai's headers."""
    listed = entry["method"] == "GET" and entry["path"].endswith("/models")
    return bool(listed and "x-goog-api-client" in entry["headers"])
