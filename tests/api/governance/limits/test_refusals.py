"""Refused requests: OpenAI's status, type, code, message and headers, and what its SDK makes of them (G18 to G22)."""

import math
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from openai import OpenAI, RateLimitError

from sessions_store.models import UsageRecord
from tests.api.governance.limits.conftest import AddLimit
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_25, chat_body, chat_message, fresh
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway
from tests.waiting import eventually

pytestmark = [pytest.mark.portable, pytest.mark.usefixtures("live_db", "emulator")]

SIX = {f"x-ratelimit-{what}-{kind}" for what in ("limit", "remaining", "reset") for kind in ("requests", "tokens")}


def say_hello(client: OpenAI, **parameters: Any) -> Any:
    """A chat completion."""
    body: dict[str, Any] = {"model": GEMINI_25, "messages": [chat_message("Hi")], **parameters}
    return client.chat.completions.create(**body)


def refused(client: OpenAI, **parameters: Any) -> RateLimitError:
    """The error of a refused chat completion, checked to have the fields of OpenAI's."""
    with pytest.raises(RateLimitError) as raised:
        say_hello(client, **parameters)
    error = raised.value
    assert (error.status_code, error.code, error.param) == (429, "rate_limit_exceeded", None)
    return error


def limit_headers(response: httpx2.Response) -> dict[str, str]:
    """The headers of rate limits."""
    return {name: value for name, value in response.headers.items() if name.startswith("x-ratelimit")}


def test_g22_a_request_beyond_the_limit_of_requests(client: OpenAI, add_limit: AddLimit, emulator: Emulator) -> None:
    add_limit(requests_per_minute=2)
    say_hello(client)
    say_hello(client)

    error = refused(client)

    assert error.type == "requests"
    found = re.search(
        r"Rate limit reached for this gateway on requests per min \(RPM\): Limit 2, Used 2, Requested 1\. "
        r"Please try again in ([\d.]+)s\.$",
        error.message,
    )
    assert found is not None, error.message
    wait = float(found[1]) * 1000
    headers = error.response.headers
    milliseconds = int(headers["retry-after-ms"])
    assert wait <= milliseconds <= math.ceil(wait * 1.1)
    assert headers["retry-after"] == str(math.ceil(milliseconds / 1000))
    assert "x-should-retry" not in headers
    assert headers["x-ratelimit-limit-requests"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert "x-ratelimit-limit-tokens" not in headers
    assert emulator.count() == 2


def test_g22_a_request_beyond_the_limit_of_tokens(client: OpenAI, add_limit: AddLimit) -> None:
    add_limit("principal", tokens_per_day=1000)
    say_hello(client, max_tokens=10)

    error = refused(client, max_tokens=990)

    assert error.type == "tokens"
    assert re.search(
        rf"Rate limit reached for {GEMINI_25} on tokens per day \(TPD\): Limit 1000, Used \d+, Requested 99\d\. "
        r"Please try again in (\d+h)?(\d+m)?[\d.]+m?s\.",
        error.message,
    )
    assert int(error.response.headers["retry-after"]) >= 1


def test_g20_a_request_that_no_wait_admits_is_not_repeated(
    gateway: LiveGateway, add_limit: AddLimit, emulator: Emulator
) -> None:
    add_limit(tokens_per_minute=50, requests_per_minute=10)
    with OpenAI(base_url=gateway.base_url, api_key="dummy", max_retries=3) as client:
        error = refused(client, max_tokens=100)

    assert error.type == "tokens"
    assert f"Request too large for {GEMINI_25} on tokens per min (TPM): Limit 50, Requested 10" in error.message
    headers = error.response.headers
    assert headers["x-should-retry"] == "false"
    assert not {"retry-after", "retry-after-ms"} & set(headers)
    assert error.response.request.headers["x-stainless-retry-count"] == "0"
    # A refused request is charged to no bucket.
    assert headers["x-ratelimit-remaining-tokens"] == "50"
    assert emulator.count() == 0


def test_g22_concurrent_requests_and_the_retry_of_the_sdk(
    gateway: LiveGateway, client: OpenAI, add_limit: AddLimit, emulator: Emulator
) -> None:
    add_limit(concurrent_requests=1)
    emulator.script({"hold": True})
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(say_hello, client)
        eventually(emulator.received)

        error = refused(client)

        assert error.type == "requests"
        assert (
            "Rate limit reached for this gateway on concurrent requests: Limit 1, Used 1, Requested 1. "
            "Please try again in 1s."
        ) in error.message
        assert 1000 <= int(error.response.headers["retry-after-ms"]) <= 1100
        assert error.response.headers["retry-after"] == "2"
        with OpenAI(base_url=gateway.base_url, api_key="dummy", max_retries=5) as patient:
            retried = pool.submit(patient.chat.completions.with_raw_response.create, **chat_body())  # type: ignore[arg-type]
            emulator.release()
            assert slow.result().choices
            assert retried.result().status_code == 200


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_g21_every_answer_has_the_six_headers(
    http: httpx2.Client, add_limit: AddLimit, emulator: Emulator, stream: bool
) -> None:
    add_limit(requests_per_minute=1000, tokens_per_minute=1_000_000)

    answers = [http.post(CHAT, json=chat_body(stream=stream, max_tokens=20))]
    answers.append(http.post(CHAT, json=chat_body(stream=stream, model="unknown-model")))
    answers.append(http.post(CHAT, json={"model": 7}))
    emulator.script({"status": 503, "body": {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}})
    answers.append(http.post(CHAT, json=chat_body(stream=stream)))

    assert [answer.status_code for answer in answers] == [200, 404, 400, 503]
    for answer in answers:
        found = limit_headers(answer)
        assert set(found) == SIX
        assert found["x-ratelimit-limit-requests"] == "1000"
        assert re.fullmatch(r"(\d+m)?\d+(\.\d+)?m?s", found["x-ratelimit-reset-tokens"])
    assert [limit_headers(answer)["x-ratelimit-remaining-requests"] for answer in answers[:2]] == ["999", "998"]


def test_g21_without_a_limit_no_header_is_sent(http: httpx2.Client) -> None:
    assert limit_headers(http.post(CHAT, json=chat_body())) == {}


def test_g21_the_tightest_limit_is_shown(http: httpx2.Client, add_limit: AddLimit) -> None:
    add_limit(requests_per_minute=10, requests_per_day=5000)
    add_limit("principal", requests_per_minute=20, requests_per_day=3)

    found = limit_headers(http.post(CHAT, json=chat_body()))

    assert found["x-ratelimit-limit-requests"] == "3"
    assert found["x-ratelimit-remaining-requests"] == "2"
    assert re.fullmatch(r"8h0m0s|7h59m59\.\d+s", found["x-ratelimit-reset-requests"])


def test_g18_a_limit_with_a_pattern_counts_on_the_public_model(http: httpx2.Client, add_limit: AddLimit) -> None:
    add_limit(requests_per_minute=10)
    add_limit(requests_per_minute=1, model_pattern="gpt-4*")

    statuses = [http.post(CHAT, json=chat_body(model=model)).status_code for model in ("gpt-4o", GEMINI_25)]
    rejected = http.post(CHAT, json=chat_body(model="gpt-4"))
    after = http.post(CHAT, json=chat_body())

    assert statuses == [200, 200]
    assert rejected.status_code == 429
    assert "Rate limit reached for gpt-4 on requests per min (RPM): Limit 1" in rejected.json()["error"]["message"]
    assert after.headers["x-ratelimit-remaining-requests"] == "7"


def test_g18_keys_and_projects_have_limits_of_their_own(
    gateway: LiveGateway, add_limit: AddLimit, issued: Issued
) -> None:
    project = issued.project()
    first, first_key = issued.key(project)
    second_key, stranger = issued.client_key(project), issued.client_key()
    add_limit("key", key=first, requests_per_minute=1)
    add_limit("project", project=project, requests_per_minute=2)

    def status(key: str) -> int:
        headers = {"authorization": f"Bearer {key}"}
        return httpx2.post(gateway.origin + CHAT, json=chat_body(), headers=headers, trust_env=False).status_code

    assert [status(key) for key in (first_key, first_key, second_key, second_key)] == [200, 429, 200, 429]
    assert status(stranger) == 200


def test_g23_malformed_requests_count_as_requests(http: httpx2.Client, add_limit: AddLimit) -> None:
    add_limit(requests_per_minute=2)

    statuses = [http.post(CHAT, content=b"{", headers={"content-type": "application/json"}).status_code]
    statuses += [http.post(CHAT, json={"model": GEMINI_25}).status_code for _ in range(2)]

    assert statuses == [400, 400, 429]
    assert http.get("/v1/models").status_code == 200


def test_g22_a_refusal_after_planning_is_recorded_without_tokens(http: httpx2.Client, add_limit: AddLimit) -> None:
    add_limit(tokens_per_minute=10)
    user = fresh("user")

    assert http.post(CHAT, json=chat_body(user=user, max_tokens=100)).status_code == 429

    record = UsageRecord.objects.get(user=user)
    assert (record.status, record.attempts, record.total_tokens) == ("rate_limited", 0, 0)
