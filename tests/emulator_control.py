"""Drives a scriptable emulator from tests: sets its next answers and reads what it received."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any


def text_chunk(text: str, **candidate: Any) -> dict[str, Any]:
    """A chunk of Gemini's stream with a text, which counts 3 tokens in and 5 out."""
    content = {"role": "model", "parts": [{"text": text}]}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 8}
    return {"candidates": [{"index": 0, "content": content, **candidate}], "usageMetadata": usage}


def text_chunks(*texts: str) -> list[dict[str, Any]]:
    """A whole stream of these texts."""
    chunks = [text_chunk(text) for text in texts]
    chunks[-1]["candidates"][0]["finishReason"] = "STOP"
    return chunks


class Emulator:
    """The control endpoints of the emulator at `base_url`; blocking, for use outside an event loop or in a thread."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    def script(self, *steps: dict[str, Any] | list[dict[str, Any]]) -> None:
        """Adds steps for the next requests; `api/emulator/service/script.py` says what a step can hold."""
        flat = [entry for step in steps for entry in (step if isinstance(step, list) else [step])]
        self._call("POST", "/_emulator/script", flat)

    def release(self) -> None:
        """Ends the holds (`hold`, `hold_after`) of all steps that were scripted before."""
        self._call("POST", "/_emulator/release")

    def received(self) -> list[dict[str, Any]]:
        """Requests since the last reset, oldest first: method, path, query, headers, body, at, ended, cancelled, ...

        Without the look at the list of models that a gateway takes when it starts (`looks`).
        """
        return [entry for entry in self._journal() if not _is_look(entry)]

    def count(self) -> int:
        """How many requests were received since the last reset, counted without a transfer of their bodies."""
        return len([entry for entry in self._journal("?bodies=0") if not _is_look(entry)])

    def looks(self) -> list[dict[str, Any]]:
        """The looks at the list of models since the last reset."""
        return [entry for entry in self._journal() if _is_look(entry)]

    def bodies(self) -> Iterator[Any]:
        """The JSON bodies of the POST requests received."""
        return (entry["body"] for entry in self.received() if entry["method"] == "POST")

    def _journal(self, query: str = "") -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._call("GET", f"/_emulator/requests{query}")
        return entries

    def reset(self) -> None:
        """Forgets script and log, and releases what is held."""
        self._call("DELETE", "/_emulator")

    def _call(self, method: str, path: str, value: Any = None) -> Any:
        body = json.dumps(value).encode() if value is not None else None
        request = urllib.request.Request(f"{self.base_url}{path}", data=body, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return json.load(response)


def _is_look(entry: dict[str, Any]) -> bool:
    """Whether google-genai's headers are on a request for the list."""
    listed = entry["method"] == "GET" and entry["path"].endswith("/models")
    return bool(listed and "x-goog-api-client" in entry["headers"])
