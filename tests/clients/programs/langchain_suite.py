"""LangChain's standard suite for chat models with `ChatOpenAI` and the gateway at GATEWAY_BASE_URL.

The files that the suite downloads (a picture, a PDF, a sound) are replaced by files in memory.
"""

import base64
import io
import os
import wave
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = b"%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF"


def sound() -> bytes:
    """Return a tenth of a second of silence as WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(bytes(3200))
    return file.getvalue()


@pytest.fixture(autouse=True)
def web(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the suite downloads."""
    files = {".png": base64.b64decode(PIXEL), ".pdf": PDF, ".wav": sound()}
    monkeypatch.setattr(httpx, "get", lambda url, **_: httpx.Response(200, content=files[url[-4:]]))
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "tests")


class Standard(ChatModelIntegrationTests):  # type: ignore[misc]  # it is not installed where mypy runs
    """The features of `ChatOpenAI` with the gateway. Only `supports_image_urls` is off, because the suite's picture is
    on the web, and no test connects to the web.
    """

    name = ""

    @property
    def chat_model_class(self) -> Any:
        """The client."""
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """The parameters of the client."""
        return {
            "model": self.name,
            "base_url": os.environ["GATEWAY_BASE_URL"],
            "api_key": "key",
            "max_retries": 0,
            "stream_usage": True,
        }

    supports_json_mode = True
    supports_image_inputs = True
    supports_image_tool_message = True
    supports_pdf_inputs = True
    supports_pdf_tool_message = True
    supports_anthropic_inputs = True
    supports_audio_inputs = True
    model_override_value = "gpt-4o"
    supported_usage_metadata_details = {  # noqa: RUF012  the suite's own form
        "invoke": ["audio_input", "reasoning_output"],
        "stream": ["audio_input", "reasoning_output"],
    }

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        """Return a response with reasoning tokens."""
        return self._answer("How many birds are two birds and three birds?", stream=stream)

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        """Return a response to a sound."""
        audio = {"data": base64.b64encode(sound()).decode(), "format": "wav"}
        content = [{"type": "text", "text": "What is this?"}, {"type": "input_audio", "input_audio": audio}]
        return self._answer(content, stream=stream)

    def _answer(self, content: Any, *, stream: bool) -> AIMessage:
        chat = ChatOpenAI(**self.chat_model_params)
        messages = [{"role": "user", "content": content}]
        if not stream:
            return chat.invoke(messages)
        first, *rest = chat.stream(messages)
        return sum(rest, start=first)


class TestGemini3(Standard):
    """The newer family: one candidate per call, checked signatures, call ids."""

    name = "gemini-3.8-flash"


class TestGemini25(Standard):
    """The older family."""

    name = "gemini-2.5-flash"
