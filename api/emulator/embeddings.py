"""Embeddings: deterministic unit vectors in which texts that share words lie close together."""

import hashlib
import math
from typing import Any

from api.emulator.errors import GoogleError, InvalidField
from api.emulator.extraction.reading import keywords
from api.emulator.models import Model
from api.emulator.usage import prompt_details

MAX_BATCH = 100
_WORD_WEIGHT = 4.0


def embed(request: dict[str, Any], model: Model) -> dict[str, Any]:
    """The `embedding` of a validated EmbedContentRequest: `{"values": [...]}`."""
    content = request.get("content") or {}
    if not content.get("parts"):
        raise InvalidField("content", "content is empty", request="EmbedContentRequest")
    dimensions = _dimensions(request, model)
    text = " ".join(part.get("text", "") for part in content["parts"])
    return {"values": _vector(text, dimensions)}


def _dimensions(request: dict[str, Any], model: Model) -> int:
    config = request.get("embedContentConfig", {})
    wanted = int(config.get("outputDimensionality") or request.get("outputDimensionality") or model.dimensions)
    if not 1 <= wanted <= model.dimensions:
        raise GoogleError(f"Dimensions {wanted} are not supported: must be between 1 and {model.dimensions}.")
    return wanted


def _noise(seed: str, size: int) -> list[float]:
    raw = hashlib.shake_128(seed.encode()).digest(size)
    return [(byte - 127.5) / 127.5 for byte in raw]


def _vector(text: str, dimensions: int) -> list[float]:
    """The sum of one fixed direction a word and a little of the text's own, of length 1."""
    values = _noise(f"text:{text}", dimensions)
    for word in sorted(keywords(text)):
        values = [value + _WORD_WEIGHT * more for value, more in zip(values, _noise(word, dimensions), strict=True)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [round(value / length, 9) for value in values]


def embed_one(request: dict[str, Any], model: Model) -> dict[str, Any]:
    """Return the response to `:embedContent`."""
    return {"embedding": embed(request, model), "usageMetadata": _usage([request])}


def embed_batch(request: dict[str, Any], model: Model) -> dict[str, Any]:
    """Return the response to `:batchEmbedContents`; at most 100 requests, all for the model of the path."""
    requests = request.get("requests", [])
    if not requests:
        raise InvalidField("requests", "requests is not specified", request="BatchEmbedContentsRequest")
    if len(requests) > MAX_BATCH:
        raise InvalidField(
            "requests", f"at most {MAX_BATCH} requests can be in one batch", request="BatchEmbedContentsRequest"
        )
    for index, entry in enumerate(requests):
        if entry.get("model", "").removeprefix("models/") != model.name:
            raise InvalidField(
                f"requests[{index}].model",
                "unexpected model name format" if not entry.get("model") else "must match the model of the batch",
                request="BatchEmbedContentsRequest",
            )
    return {"embeddings": [embed(entry, model) for entry in requests], "usageMetadata": _usage(requests)}


def _usage(requests: list[dict[str, Any]]) -> dict[str, Any]:
    count = sum(sum(prompt_details({"contents": [entry["content"]]}).values()) for entry in requests)
    return {"promptTokenCount": count, "promptTokenDetails": [{"modality": "TEXT", "tokenCount": count}]}
