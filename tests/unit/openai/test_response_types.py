"""Responses match the types of the OpenAI SDK: samples of every shape pass strict validation."""

from typing import Any

import pytest
from openai.types import Completion as SDKCompletion
from openai.types import CompletionUsage, Model
from openai.types.chat import ChatCompletion as SDKChatCompletion
from openai.types.chat import ChatCompletionChunk as SDKChunk
from pydantic import BaseModel

from api.openai.chat.completion import ChatCompletion, ChatCompletionChunk, ChunkChoice, Delta
from api.openai.completions.completion import CompletionObject
from api.openai.models import model, model_list
from api.openai.shared.usage import Usage

USAGE: Usage = {
    "prompt_tokens": 9,
    "completion_tokens": 12,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0, "image_tokens": 1, "text_tokens": 8},
    "completion_tokens_details": {
        "reasoning_tokens": 5,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
COMPLETION: ChatCompletion = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_764_000_000,
    "model": "gpt-4",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello!",
                "refusal": None,
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"start_index": 0, "end_index": 5, "title": "A", "url": "https://example.com"},
                    }
                ],
                "reasoning_content": "They greet.",
            },
            "logprobs": {
                "content": [{"token": "Hello", "logprob": -0.5, "bytes": [72], "top_logprobs": []}],
                "refusal": None,
            },
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "add", "arguments": "{}"},
                        "extra_content": {"google": {"thought_signature": "c2ln"}},
                    },
                    {"id": "call_2", "type": "custom", "custom": {"name": "sql", "input": "select 1"}},
                ],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        },
        {
            "index": 2,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "function_call": {"name": "add", "arguments": "{}"},
            },
            "logprobs": None,
            "finish_reason": "function_call",
        },
    ],
    "usage": USAGE,
    "service_tier": "default",
    "system_fingerprint": None,
}


def completion_chunk(*choices: ChunkChoice) -> ChatCompletionChunk:
    """Return a chunk with these choices."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_764_000_000,
        "model": "gpt-4",
        "choices": list(choices),
        "usage": None,
    }


DELTAS: list[Delta] = [
    {"role": "assistant", "content": "", "refusal": None},
    {"content": "Hel"},
    {"reasoning_content": "They greet."},
    {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "add", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    {"function_call": {"name": "add", "arguments": ""}},
    {},
]
CHUNKS = [completion_chunk({"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}) for delta in DELTAS]
CHUNKS.append(completion_chunk({"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls"}))
CHUNKS.append({**completion_chunk(), "usage": USAGE})

TEXT: CompletionObject = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1_764_000_000,
    "model": "gpt-4",
    "choices": [
        {"index": 0, "text": "Hello!", "logprobs": None, "finish_reason": "stop"},
        {
            "index": 1,
            "text": "Hi",
            "logprobs": {
                "tokens": ["Hi"],
                "token_logprobs": [-0.5],
                "top_logprobs": [{"Hi": -0.5}],
                "text_offset": [0],
            },
            "finish_reason": "length",
        },
    ],
    "usage": USAGE,
}

SAMPLES: list[tuple[type[BaseModel], Any]] = [
    (SDKChatCompletion, COMPLETION),
    *((SDKChunk, sample) for sample in CHUNKS),
    (SDKCompletion, TEXT),
    (CompletionUsage, USAGE),
    (Model, model("gpt-4", created=1_764_000_000, owned_by="google")),
]


@pytest.mark.parametrize(("sdk_type", "sample"), SAMPLES)
def test_samples_match_the_types_of_the_sdk(sdk_type: type[BaseModel], sample: dict[str, Any]) -> None:
    parsed = sdk_type.model_validate(sample, strict=True)
    assert parsed.model_dump(mode="json", exclude_unset=True) == sample


def test_an_empty_model_list_is_a_list() -> None:
    assert dict(model_list([])) == {"object": "list", "data": []}


def test_a_model_list_has_its_models() -> None:
    models = [model("gpt-4", created=1, owned_by="google"), model("gpt-5", created=2, owned_by="google")]
    assert [Model.model_validate(one, strict=True).id for one in model_list(models)["data"]] == ["gpt-4", "gpt-5"]
