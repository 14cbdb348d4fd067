"""Legacy completion requests: prompts in their forms, every parameter typed, clear refusals."""

from typing import Any

import pytest

from tests.unit.openai.bodies import completion, completion_error


@pytest.mark.parametrize(("prompt", "prompts"), [("a", ["a"]), (["a", "b"], ["a", "b"]), ("", [""])])
def test_prompts(prompt: Any, prompts: list[str]) -> None:
    assert completion(prompt=prompt).prompts == prompts


def test_every_parameter_is_typed() -> None:
    sent: dict[str, Any] = {
        "suffix": "!",
        "max_tokens": 16,
        "temperature": 0,
        "top_p": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "n": 2,
        "best_of": 2,
        "stop": ["a"],
        "seed": 1,
        "echo": True,
        "logprobs": 5,
        "logit_bias": {"1": 1},
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "ann",
        "metadata": {"k": "v"},
        "google": {},
        "safety_settings": [],
    }
    request = completion(**sent)
    assert {name: getattr(request, name) for name in sent} == sent
    assert sent.keys() == request.parameters() - {"model", "prompt"}
    assert request.include_usage
    assert request.choices == 2


@pytest.mark.parametrize("prompt", [[1, 2], [[1, 2], [3]]])
def test_token_ids_are_refused(prompt: Any) -> None:
    error = completion_error(prompt=prompt)
    assert (error.param, error.code) == ("prompt", "invalid_type")
    assert "token ids" in error.message


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": 5}, "prompt", "invalid_type"),
        ({"prompt": ["a", 5]}, "prompt[1]", "invalid_type"),
        ({"prompt": ["a"] * 129}, "prompt", "invalid_value"),
        ({"prompt": ["a"] * 100, "n": 2}, "n", "invalid_value"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"n": 9}, "n", "invalid_value"),
        ({"best_of": 21}, "best_of", "invalid_value"),
        ({"best_of": 1, "n": 2}, "best_of", "invalid_value"),
        ({"logprobs": 6}, "logprobs", "invalid_value"),
        ({"logprobs": True}, "logprobs", "invalid_type"),
        ({"echo": "yes"}, "echo", "invalid_type"),
        ({"suffix": 1}, "suffix", "invalid_type"),
        ({"stream_options": {}}, "stream_options", "invalid_value"),
    ],
    ids=str,
)
def test_wrong_requests(changes: dict[str, Any], param: str, code: str) -> None:
    error = completion_error(**changes)
    assert (error.param, error.code, error.status) == (param, code, 400)


def test_null_is_absent_and_the_unknown_is_listed() -> None:
    request = completion(stop=None, temperature=None, messages=[])
    assert (request.stop_sequences, request.temperature, request.unknown) == ([], None, ("messages",))
