"""Background responses: independent of their client, cancellable, resumable, and never lost."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from sessions_store.models import Message, ResponseEvents, StoredResponse, UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, error_of, fresh
from tests.live_gateway import LiveGateway
from tests.responses import RESPONSES, ask, named_events, response_text
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

LEASE = {"BACKGROUND_LEASE_SECONDS": "1"}


@pytest.fixture(scope="module")
def other_worker(django_db_setup: None, emulator_url: str) -> Iterator[httpx2.Client]:
    """A second server over the same database."""
    with (
        LiveGateway.start(upstream=emulator_url, settings=LEASE) as server,
        connected(server) as client,
    ):
        yield client


def connected(server: LiveGateway) -> httpx2.Client:
    """A client of a server."""
    return httpx2.Client(base_url=server.origin, timeout=30, trust_env=False)


def begin(http: httpx2.Client, **body: Any) -> str:
    """Start a background response; return its id."""
    response = ask(http, **{"input": "Hello!", "background": True, **body})
    assert (response["status"], response["output"], response["background"]) == ("queued", [], True)
    identifier: str = response["id"]
    return identifier


def ended(http: httpx2.Client, identifier: str) -> dict[str, Any]:
    """Wait for the end of a response and return the response."""

    def look() -> dict[str, Any] | None:
        response: dict[str, Any] = http.get(f"{RESPONSES}/{identifier}").json()
        return None if response["status"] in ("queued", "in_progress") else response

    return eventually(look)


def test_a_background_response_completes_without_its_client(http: httpx2.Client) -> None:
    response = ended(http, begin(http))

    assert response["status"] == "completed"
    assert response_text(response)
    assert response["usage"]["total_tokens"] > 0
    assert UsageRecord.objects.filter(request_id=StoredResponse.objects.get(public_id=response["id"]).request_id).get()


def test_the_next_response_continues_a_background_response(http: httpx2.Client) -> None:
    first = ended(http, begin(http))

    assert response_text(ask(http, input="And?", previous_response_id=first["id"]))


def test_a_running_response_cannot_be_continued(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"hang_after": 1})
    identifier = begin(http)

    rejected = http.post(RESPONSES, json={"model": GEMINI_3, "input": "x", "previous_response_id": identifier})

    assert (rejected.status_code, error_of(rejected)["param"]) == (400, "previous_response_id")
    http.post(f"{RESPONSES}/{identifier}/cancel")


def test_the_stream_of_a_background_response_can_be_resumed(
    client: OpenAI, http: httpx2.Client, other_worker: httpx2.Client
) -> None:
    streamed = client.responses.create(model=GEMINI_3, input="Tell me a story", background=True, stream=True)
    events = [event.model_dump(exclude_unset=True) for event in streamed]
    identifier = events[0]["response"]["id"]

    assert [event["type"] for event in events[:3]] == ["response.created", "response.queued", "response.in_progress"]
    for server in (http, other_worker):
        again = named_events(server.get(f"{RESPONSES}/{identifier}", params={"stream": "true"}).text)
        assert [(event["sequence_number"], event["type"]) for event in again] == [
            (event["sequence_number"], event["type"]) for event in events
        ]
        query = {"stream": "true", "starting_after": "4"}
        rest = named_events(server.get(f"{RESPONSES}/{identifier}", params=query).text)
        assert rest == again[5:]
    last = len(events) - 1
    nothing = http.get(f"{RESPONSES}/{identifier}", params={"stream": "true", "starting_after": str(last)})
    assert named_events(nothing.text) == []


def test_a_running_response_is_followed_from_another_worker(
    http: httpx2.Client, other_worker: httpx2.Client, emulator: Emulator
) -> None:
    emulator.script({"gap": 0.15})
    identifier = begin(http)

    events = named_events(other_worker.get(f"{RESPONSES}/{identifier}", params={"stream": "true"}).text)

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"] == http.get(f"{RESPONSES}/{identifier}").json()


def test_a_foreground_response_has_no_stream_to_resume(http: httpx2.Client) -> None:
    rejected = http.get(f"{RESPONSES}/{ask(http, input='Hello!')['id']}", params={"stream": "true"})

    assert (rejected.status_code, error_of(rejected)["param"]) == (400, "stream")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_background_response_is_cancelled(
    gateway: LiveGateway, http: httpx2.Client, other_worker: httpx2.Client, emulator: Emulator, elsewhere: bool
) -> None:
    emulator.script({"hang_after": 1})
    asked, cancelled_on = (other_worker, http) if elsewhere else (http, http)
    identifier = begin(asked)
    eventually(lambda: [entry for entry in emulator.received() if entry["method"] == "POST"])

    headers = {"content-type": "application/json"}
    response = cancelled_on.post(f"{RESPONSES}/{identifier}/cancel", headers=headers).json()

    assert response["status"] == "cancelled"
    assert cancelled_on.post(f"{RESPONSES}/{identifier}/cancel").json() == response
    eventually(lambda: any(entry["cancelled"] for entry in emulator.received()), timeout=20)
    request_id = StoredResponse.objects.get(public_id=identifier).request_id
    record = eventually(lambda: UsageRecord.objects.filter(request_id=request_id).first())
    assert record.status == "client_closed"
    assert http.get(f"{RESPONSES}/{identifier}").json() == response


def test_a_foreground_response_cannot_be_cancelled(http: httpx2.Client) -> None:
    rejected = http.post(f"{RESPONSES}/{ask(http, input='Hello!')['id']}/cancel")

    assert rejected.status_code == 400
    assert error_of(rejected)["message"] == "Cannot cancel a synchronous response."


def test_a_deleted_background_response_stops_and_stays_deleted(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"hang_after": 1})
    word = fresh("secret")
    identifier = begin(http, input=word)
    eventually(lambda: [entry for entry in emulator.received() if entry["method"] == "POST"])

    assert http.delete(f"{RESPONSES}/{identifier}").json() == {"id": identifier, "object": "response", "deleted": True}

    eventually(lambda: any(entry["cancelled"] for entry in emulator.received()))
    assert http.get(f"{RESPONSES}/{identifier}").status_code == 404
    eventually(lambda: UsageRecord.objects.filter(endpoint="responses").latest("id").status == "client_closed")
    eventually(lambda: not Message.objects.filter(openai__contains=word).exists())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_stream_of_a_response_that_another_request_deletes_has_an_end(
    http: httpx2.Client, other_worker: httpx2.Client, emulator: Emulator, elsewhere: bool
) -> None:
    emulator.script({"hang_after": 1})
    identifier = begin(http)
    url, follower = f"{RESPONSES}/{identifier}", other_worker if elsewhere else http

    with follower.stream("GET", url, params={"stream": "true"}) as stream:
        chunks = stream.iter_text()
        begun = next(chunks)
        assert http.delete(url).status_code == 200
        *_, last = named_events(begun + "".join(chunks))

    assert last["type"] == "error"


def test_an_upstream_error_fails_a_background_response(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"status": 429, "body": {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}})

    identifier = begin(http)
    response = ended(http, identifier)

    assert (response["status"], response["error"]["code"]) == ("failed", "rate_limit_exceeded")
    events = named_events(http.get(f"{RESPONSES}/{identifier}", params={"stream": "true"}).text)
    assert events[-1]["type"] == "response.failed"


def test_a_killed_server_fails_its_background_response(
    http: httpx2.Client, emulator: Emulator, emulator_url: str, django_db_setup: None
) -> None:
    before = ask(http, input="Tell me a story")
    emulator.script({"hang_after": 1})
    with LiveGateway.start(upstream=emulator_url, settings=LEASE) as doomed:
        with connected(doomed) as asking:
            user = fresh("lost")
            identifier = begin(asking, user=user, previous_response_id=before["id"], metadata={"job": "7"})
        eventually(lambda: StoredResponse.objects.filter(public_id=identifier, status="in_progress").exists())
        doomed.process.kill()
        doomed.process.wait()
    with (
        LiveGateway.start(upstream=emulator_url, settings=LEASE) as next_one,
        connected(next_one) as asking,
    ):
        response = ended(asking, identifier)
        events = named_events(asking.get(f"{RESPONSES}/{identifier}", params={"stream": "true"}).text)

    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["status"] == "failed"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    record = UsageRecord.objects.get(user=user)
    assert (record.status, record.http_status, record.error_code) == ("internal_error", 500, "server_lost")
    assert (record.public_model, record.upstream_model, record.metadata) == (GEMINI_3, GEMINI_3, {"job": "7"})
    assert record.estimated
    assert record.prompt_tokens > before["usage"]["input_tokens"]
    assert record.total_tokens == record.prompt_tokens + record.completion_tokens
    assert record.cost_nano > 0


def test_a_draining_server_lets_a_background_response_finish(
    emulator: Emulator, emulator_url: str, http: httpx2.Client
) -> None:
    emulator.script({"match": {"method": "streamGenerateContent"}, "body_delay": 1.5})
    with LiveGateway.start(upstream=emulator_url, settings=LEASE) as stopping:
        with connected(stopping) as asking:
            identifier = begin(asking)
        eventually(lambda: [entry for entry in emulator.received() if entry["method"] == "POST"])
        stopping.terminate()
        stopping.wait()

    response = http.get(f"{RESPONSES}/{identifier}").json()
    assert response["status"] == "completed"
    assert response_text(response)


def test_a_stopped_server_fails_its_background_response(
    emulator: Emulator, emulator_url: str, http: httpx2.Client
) -> None:
    emulator.script({"hang_after": 1})
    with LiveGateway.start(upstream=emulator_url, settings={**LEASE, "DRAIN_SECONDS": "1"}) as stopping:
        with connected(stopping) as asking:
            identifier = begin(asking)
        eventually(lambda: [entry for entry in emulator.received() if entry["method"] == "POST"])
        stopping.terminate()
        stopping.wait()

    response = http.get(f"{RESPONSES}/{identifier}").json()
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    request_id = StoredResponse.objects.get(public_id=identifier).request_id
    assert UsageRecord.objects.get(request_id=request_id).status == "cut_by_server"


def test_events_are_deleted_after_a_time(emulator_url: str, django_db_setup: None) -> None:
    settings = {**LEASE, "RESPONSE_EVENTS_SECONDS": "0"}
    with (
        LiveGateway.start(upstream=emulator_url, settings=settings) as server,
        connected(server) as http,
    ):
        identifier = begin(http)
        whole = ended(http, identifier)
        eventually(lambda: not ResponseEvents.objects.filter(response__public_id=identifier).exists())
        events = named_events(http.get(f"{RESPONSES}/{identifier}", params={"stream": "true"}).text)

    assert [(event["type"], event["response"]) for event in events] == [("response.completed", whole)]
