"""The table of parameters has one row for each parameter of a request, including all of OpenAI's."""

from collections import Counter

import pytest
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params

from api.openai.chat.request import ChatCompletionRequest
from api.openai.completions.request import CompletionRequest
from api.openai.shared.parameters import CHAT_PARAMETERS, COMPLETION_PARAMETERS, Parameter
from api.openai.shared.request_model import RequestModel

DIALECTS: list[tuple[type[RequestModel], tuple[Parameter, ...]]] = [
    (ChatCompletionRequest, CHAT_PARAMETERS),
    (CompletionRequest, COMPLETION_PARAMETERS),
]


@pytest.mark.parametrize(("model", "rows"), DIALECTS)
def test_every_parameter_has_one_row(model: type[RequestModel], rows: tuple[Parameter, ...]) -> None:
    assert Counter(row.name for row in rows) == Counter(model.parameters())
    assert all(row.what.endswith(".") for row in rows)


@pytest.mark.parametrize(
    ("model", "sdk"),
    [
        (ChatCompletionRequest, chat_create_params.CompletionCreateParamsNonStreaming),
        (CompletionRequest, completion_create_params.CompletionCreateParamsNonStreaming),
    ],
)
def test_every_parameter_of_the_sdk_is_known(model: type[RequestModel], sdk: type) -> None:
    names = sdk.__required_keys__ | sdk.__optional_keys__  # type: ignore[attr-defined]  # a TypedDict's own
    assert names - model.parameters() == set()
