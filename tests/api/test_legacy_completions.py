"""Legacy text completions: sessions, echo in every combination, streams of several choices."""

from itertools import product
from typing import Any

import httpx2
import pytest

from tests.api.sessions import ask
from tests.emulator_control import Emulator
from tests.exchanges import COMPLETIONS, GEMINI_3, GEMINI_25, events, usage_of

pytestmark = [pytest.mark.usefixtures("live_db"), pytest.mark.portable]


def complete(http: httpx2.Client, **body: Any) -> httpx2.Response:
    """Send a request for a completion."""
    response = http.post(COMPLETIONS, json={"model": GEMINI_25, **body})
    assert response.status_code == 200, response.text
    return response


def texts(response: httpx2.Response, *, stream: bool) -> list[str]:
    """Return the text of each choice, in order."""
    if not stream:
        return [choice["text"] for choice in response.json()["choices"]]
    accumulated: dict[int, str] = {}
    for event in events(response):
        for choice in event["choices"]:
            accumulated[choice["index"]] = accumulated.get(choice["index"], "") + choice["text"]
    return [accumulated[index] for index in sorted(accumulated)]


def test_a_single_prompt_of_a_user_continues_the_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    complete(http, prompt="My name is Ada.", user=user)
    response = complete(http, prompt="What is my name?", user=user)
    assert "Ada" in texts(response, stream=False)[0]
    assert response.headers["x-session-messages"] == "2"
    assert "Ada" in ask(http, user, "And what is my name?").json()["choices"][0]["message"]["content"]


def test_several_prompts_belong_to_no_session(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    response = complete(http, prompt=["My name is Ada.", "My name is Bob."], user=user)
    assert "x-session-id" not in response.headers
    assert "Ada" not in str(texts(complete(http, prompt="What is my name?", user=user), stream=False))


def test_a_session_continues_after_a_rejected_prompt(http: httpx2.Client, emulator: Emulator, user: str) -> None:
    body = {"model": GEMINI_25, "prompt": "Hello!", "user": user, "logit_bias": {"1": 1}}
    assert http.post(COMPLETIONS, json=body).status_code == 400
    assert complete(http, prompt="Hello!", user=user, max_tokens=50).elapsed.total_seconds() < 5


@pytest.mark.parametrize(
    ("model", "stream", "prompts", "n"), list(product([GEMINI_25, GEMINI_3], [False, True], [1, 2], [1, 3]))
)
def test_the_echo_precedes_each_text(
    http: httpx2.Client, emulator: Emulator, model: str, stream: bool, prompts: int, n: int
) -> None:
    prompt = [f"Say number {number}" for number in range(prompts)]
    body = {"model": model, "prompt": prompt if prompts > 1 else prompt[0], "n": n, "stream": stream}
    plain = texts(complete(http, **body), stream=stream)
    echoed = texts(complete(http, **body, echo=True), stream=stream)
    assert len(echoed) == prompts * n
    assert all(text for text in plain)
    assert echoed == [prompt[index // n] + text for index, text in enumerate(plain)]


def test_an_empty_completion_has_the_echo(http: httpx2.Client, emulator: Emulator) -> None:
    blocked = {"promptFeedback": {"blockReason": "OTHER"}}
    emulator.script({"body": blocked}, {"chunks": [blocked]})
    for stream in (False, True):
        assert texts(complete(http, prompt="Once", echo=True, stream=stream), stream=stream) == ["Once"]


def test_a_stream_ends_each_choice_and_has_the_usage(http: httpx2.Client, emulator: Emulator) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = events(complete(http, prompt=["Say a", "Say b"], n=2, **options))
    ended = [choice["index"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert sorted(ended) == [0, 1, 2, 3]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0


def test_more_candidates_than_choices_are_noted(http: httpx2.Client, emulator: Emulator) -> None:
    response = complete(http, prompt="Hello!", best_of=3, n=2)
    assert len(response.json()["choices"]) == 2
    assert [note[1] for note in usage_of(response.headers).notes] == ["best_of"]
    assert "x-gateway-notes" not in complete(http, prompt="Hello!", best_of=2, n=2).headers
