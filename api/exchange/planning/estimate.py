"""The estimate of a planned generation in tokens, before its first upstream call: for rate limits and budgets.

The upstream bodies are measured, not encoded: text counts by its bytes, media by their number.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from api.exchange.generation import Generation
from api.gemini.wire import Content, GenerateContentRequest
from api.translate.request.message_tokens import MEDIA_TOKENS
from sessions_store.transcript.values import BYTES_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Estimate:
    """The tokens of all upstream calls of a request.

    `bounded`: the request limits the output of each choice, so `output_tokens` is a maximum.
    """

    prompt_tokens: int
    output_tokens: int
    bounded: bool = False

    @property
    def total(self) -> int:
        """The tokens of the prompt and the output."""
        return self.prompt_tokens + self.output_tokens


def estimate(generation: Generation, expected_output: int) -> Estimate:
    """Return the estimate. `expected_output` is the number of output tokens of a choice without `maxOutputTokens`.

    Calls with the same body are measured once.
    """
    sizes: dict[int, int] = {}
    prompt = output = 0
    bounded = True
    for call in generation.calls:
        tokens = sizes.get(id(call.body))
        if tokens is None:
            tokens = sizes[id(call.body)] = prompt_tokens(call.body)
        prompt += tokens
        most = call.body.get("generationConfig", {}).get("maxOutputTokens")
        bounded = bounded and most is not None
        output += (expected_output if most is None else most) * call.choices
    return Estimate(prompt, output, bounded)


def prompt_tokens(body: GenerateContentRequest) -> int:
    """Return an estimate of the prompt tokens of one upstream body: a quarter of its bytes, and 258 per medium."""
    size, media = _measured(body.get("contents", ()))
    if (instruction := body.get("systemInstruction")) is not None:
        added, more = _measured((instruction,))
        size, media = size + added, media + more
    if tools := body.get("tools"):
        size += len(orjson.dumps(tools))
    schema = body.get("generationConfig", {}).get("responseJsonSchema")
    if schema:
        size += len(orjson.dumps(schema))
    return -(-size // BYTES_PER_TOKEN) + media * MEDIA_TOKENS


def _measured(contents: Any) -> tuple[int, int]:
    """Return the bytes of the text and the number of media of contents. A thought signature counts nothing."""
    size = media = 0
    content: Content
    for content in contents:
        for part in content.get("parts", ()):
            text = part.get("text")
            if text is not None:
                # The question whether a text is ASCII is answered without reading it.
                size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
            elif "inlineData" in part or "fileData" in part:
                media += 1
            elif (result := part.get("functionResponse")) is not None:
                media += len(result.get("parts", ()))
                size += len(orjson.dumps(result.get("response")))
            else:
                size += sum(len(orjson.dumps(value)) for name, value in part.items() if name != "thoughtSignature")
    return size, media
