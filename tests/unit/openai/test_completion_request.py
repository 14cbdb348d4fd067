"""Legacy completion requests: forms of prompts, typed parameters, errors."""

from typing import Any

import pytest

from tests.unit.openai.bodies import completion, completion_error


@pytest.mark.parametrize(("prompt", "prompts"), [("a", ["a"]), (["a", "b"], ["a", "b"]), ("", [""])])
def test_prompts_are_parsed_in_every_form(prompt: Any, prompts: list[str]) -> None:
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


@pytest.mark.parametrize(
    ("prompt", "ids", "texts", "after"),
    [
        ([1, 2], [[1, 2]], ["a"], "a"),
        ([[1, 2], [3]], [[1, 2], [3]], ["a", "b"], ["a", "b"]),
        ([[1]], [[1]], ["a"], ["a"]),
    ],
)
def test_prompts_in_token_ids_are_parsed(prompt: Any, ids: list[list[int]], texts: list[str], after: Any) -> None:
    request = completion(prompt=prompt)
    assert (request.prompts, request.token_prompts) == ([], ids)
    assert request.with_texts(texts).prompt == after
    assert request.with_texts(texts).prompts == texts


def test_a_request_without_a_prompt_begins_a_new_document() -> None:
    request = completion(prompt=None)
    assert (request.prompts, request.token_prompts) == (["<|endoftext|>"], [])


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"prompt": [1, "a"]}, "prompt[1]", "invalid_type"),
        ({"prompt": [1, True]}, "prompt[1]", "invalid_type"),
        ({"prompt": [1.5]}, "prompt[0]", "invalid_type"),
        ({"prompt": [[1], "a"]}, "prompt[1]", "invalid_type"),
        ({"prompt": [[1], []]}, "prompt[1]", "invalid_value"),
        ({"prompt": [[1], [[2]]]}, "prompt[1][0]", "invalid_type"),
        ({"prompt": [[1]] * 129}, "prompt", "invalid_value"),
        ({"prompt": [[1]] * 100, "n": 2}, "n", "invalid_value"),
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": 5}, "prompt", "invalid_type"),
        ({"prompt": ["a", 5]}, "prompt[1]", "invalid_type"),
        ({"prompt": ["a"] * 129}, "prompt", "invalid_value"),
        ({"prompt": ["a"] * 100, "n": 2}, "n", "invalid_value"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"max_tokens": -1}, "max_tokens", "invalid_value"),
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
def test_an_invalid_request_is_rejected_by_name(changes: dict[str, Any], param: str, code: str) -> None:
    error = completion_error(**changes)
    assert (error.param, error.code, error.status) == (param, code, 400)


def test_null_parameters_are_absent_and_unknown_ones_listed() -> None:
    request = completion(stop=None, temperature=None, messages=[])
    assert (request.stop_sequences, request.temperature, request.unknown) == ([], None, ("messages",))
