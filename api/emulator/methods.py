"""The API's methods: from a request body to a response, independent of the transport."""

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from api.emulator.conversation import Conversation
from api.emulator.embeddings import embed_batch, embed_one
from api.emulator.errors import GoogleError, model_not_found
from api.emulator.generation import Generation
from api.emulator.models import Model, models
from api.emulator.rules import check_rules
from api.emulator.rules.contents import check_contents
from api.emulator.usage import listed, prompt_details
from api.emulator.validation import read

DEFAULT_PAGE = 50
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The strictness of the emulator. The defaults are as strict as Google; recorded traffic needs exceptions.

    `foreign_signatures` accepts thought signatures of Google's; `retired_models` serves models that Google has shut
    down.
    """

    foreign_signatures: bool = False
    retired_models: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a method: path, query and body."""

    method: str
    model: Model
    body: bytes
    vertex: bool
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A JSON body, or the chunks of a stream."""

    body: Any = None
    chunks: Iterable[Any] | None = None


def find_model(name: str, method: str, *, options: Options, version: str) -> Model:
    """Return the model of a path; raises Google's 404 if it is not served or does not support the method."""
    model = models().get(name)
    if (
        model is None
        or (model.shut_down and not options.retired_models)
        or not (method == "get" or model.knows(method))
    ):
        raise model_not_found(name, "embedContent" if method == "batchEmbedContents" else method, version)
    return model


def _generation(call: Call) -> Generation:
    request = read(call.body, "GenerateContentRequest", vertex=call.vertex)
    conversation = check_rules(
        request, call.model, foreign_signatures=call.options.foreign_signatures, vertex=call.vertex
    )
    return Generation(conversation, call.model)


def generate_content(call: Call) -> Reply:
    """`:generateContent`."""
    return Reply(body=_generation(call).response())


def stream_generate_content(call: Call) -> Reply:
    """`:streamGenerateContent`."""
    return Reply(chunks=_generation(call).chunks())


def count_tokens(call: Call) -> Reply:
    """`:countTokens`, of `contents` or of a whole `generateContentRequest`."""
    request = read(call.body, "CountTokensRequest", vertex=call.vertex)
    inner = request.pop("generateContentRequest", None)
    if inner is not None and request.get("contents"):
        raise GoogleError("Only one of contents and generate_content_request can be set.")
    if inner is not None and inner.get("model", "").removeprefix("models/") != call.model.name:
        raise GoogleError("The model of generate_content_request must match the model of the path.")
    counted = inner if inner is not None else request
    check_contents(Conversation(counted), call.model)
    details = prompt_details(counted)
    return Reply(body={"totalTokens": sum(details.values()), "promptTokensDetails": listed(details)})


def embed_content(call: Call) -> Reply:
    """`:embedContent`."""
    return Reply(body=embed_one(read(call.body, "EmbedContentRequest", vertex=call.vertex), call.model))


def batch_embed_contents(call: Call) -> Reply:
    """`:batchEmbedContents`."""
    return Reply(body=embed_batch(read(call.body, "BatchEmbedContentsRequest"), call.model))


METHODS: dict[str, Callable[[Call], Reply]] = {
    "generateContent": generate_content,
    "streamGenerateContent": stream_generate_content,
    "countTokens": count_tokens,
    "embedContent": embed_content,
    "batchEmbedContents": batch_embed_contents,
}


def list_models(query: dict[str, str], options: Options) -> Reply:
    """`GET models`, by pages of `pageSize` (50, at most 1000) from `pageToken` on."""
    served = [model for model in models().values() if options.retired_models or not model.shut_down]
    try:
        size = min(int(query.get("pageSize") or DEFAULT_PAGE), MAX_PAGE)
        start = int(base64.b64decode(query.get("pageToken", ""), altchars=b"-_", validate=True) or 0)
    except (ValueError, binascii.Error):
        raise GoogleError("Invalid pageSize or pageToken.") from None
    if size < 0 or start < 0:
        raise GoogleError("page_size must not be negative.")
    size = size or DEFAULT_PAGE
    body: dict[str, Any] = {"models": [model.resource() for model in served[start : start + size]]}
    if start + size < len(served):
        body["nextPageToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return Reply(body=body)
