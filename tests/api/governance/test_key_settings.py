"""The settings of a key take effect on every endpoint: inheritance, default model, caps, storage, strict (G11)."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import BadRequestError, OpenAI, Stream
from websockets.sync.client import connect

from sessions_store.accounts.policy import FIELDS, RESTRICTIONS, UNRESTRICTED, effective_policy, sources
from sessions_store.models import ChatSession, Message, Organization, StoredCompletion, StoredResponse
from tests.emulator_control import Emulator
from tests.exchanges import GEMINI_3, GEMINI_25, error_of, fresh, user_message
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway

Sdk = Callable[[str], OpenAI]
PICTURE = "https://pictures.example/cat.png"
SETTINGS: dict[str, tuple[Any, Any, Any]] = {
    "memory": (True, False, True),
    "content": ("full", "metadata", "full"),
    "strict": (False, True, False),
    "default_model": ("model-a", "model-b", "model-c"),
    "max_output_tokens": (100, 200, 300),
    "max_reasoning_effort": ("low", "medium", "high"),
    "store": (True, False, True),
    "media_fetching": (True, False, True),
    "tags": (["a"], ["b"], ["c"]),
    "origins": (["https://a.example"], ["https://b.example"], ["https://c.example"]),
    "budget_header": (True, False, True),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("levels", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), ()])
def test_g11_a_setting_comes_from_the_nearest_level_that_sets_it(name: str, levels: tuple[int, ...]) -> None:
    names = ("gateway", "project", "key")
    stored: list[dict[str, Any]] = [{name: SETTINGS[name][level]} if level in levels else {} for level in range(3)]

    policy = effective_policy(stored)
    shown = {row[0]: row for row in sources(list(zip(names, stored, strict=True)))}

    default = getattr(UNRESTRICTED, name)
    value = SETTINGS[name][levels[-1]] if levels else default
    assert getattr(policy, name) == (tuple(value) if isinstance(value, list) else value)
    assert shown[name] == (name, value, names[levels[-1]] if levels else "default")
    assert SETTINGS.keys() | set(RESTRICTIONS) == set(FIELDS)


def test_g11_the_settings_of_gateway_project_and_key_meet_in_one_request(
    sdk: Sdk, issued: Issued, emulator: Emulator
) -> None:
    organization, _ = Organization.objects.get_or_create(pk=1)
    organization.policy = {"default_model": GEMINI_25, "max_output_tokens": 11}
    organization.save()
    key = issued.client_key(issued.project(max_output_tokens=22), max_reasoning_effort="low")

    sdk(key).post("/chat/completions", body={"messages": [user_message()]}, cast_to=object)

    config = emulator.received()[-1]["body"]["generationConfig"]
    assert GEMINI_25 in emulator.received()[-1]["path"]
    assert (config["maxOutputTokens"], config["thinkingConfig"]) == (22, {"thinkingBudget": 1024})


def read(raw: Any) -> Any:
    """Return a raw response, after its stream if it is one."""
    parsed = raw.parse()
    if isinstance(parsed, Stream):
        assert list(parsed)
    return raw


def chat(client: OpenAI, **fields: Any) -> Any:
    """Create a chat completion."""
    body = {"model": GEMINI_3, "messages": [user_message()], **fields}
    return read(client.chat.completions.with_raw_response.create(**body))


def completion(client: OpenAI, **fields: Any) -> Any:
    """Create a legacy completion."""
    return client.completions.with_raw_response.create(**{"model": GEMINI_3, "prompt": "Hi", **fields})


def response(client: OpenAI, **fields: Any) -> Any:
    """Create a response."""
    return read(client.responses.with_raw_response.create(**{"model": GEMINI_3, "input": "Hi", **fields}))


@pytest.mark.parametrize(
    ("create", "param"),
    [
        (chat, "max_completion_tokens"),
        (chat, "max_tokens"),
        (completion, "max_tokens"),
        (response, "max_output_tokens"),
    ],
)
def test_g11_the_output_cap_holds_with_a_note_and_under_strict_is_a_400(
    sdk: Sdk, gateway: LiveGateway, issued: Issued, emulator: Emulator, create: Callable[..., Any], param: str
) -> None:
    lenient = sdk(issued.client_key(max_output_tokens=50))
    strict = sdk(issued.client_key(max_output_tokens=50, strict=True, store=True))

    clamped = create(lenient, **{param: 500})
    create(lenient)
    create(lenient, **{param: 20})

    sent = [body["generationConfig"]["maxOutputTokens"] for body in emulator.bodies()]
    assert sent == [50, 50, 20]
    assert f"clamped {param}: to 50" in clamped.headers["x-gateway-notes"]
    with pytest.raises(BadRequestError) as refused:
        create(strict, **{param: 500})
    assert (refused.value.param, refused.value.code) == (param, "unsupported_parameter")
    assert create(strict, **{param: 50}).headers["x-request-id"]
    assert emulator.count() == 4


@pytest.mark.parametrize(
    ("model", "fields", "thinking"),
    [
        (GEMINI_3, {}, {"thinkingLevel": "low"}),
        (GEMINI_3, {"reasoning_effort": "high"}, {"thinkingLevel": "low", "includeThoughts": True}),
        (GEMINI_3, {"reasoning_effort": "max"}, {"thinkingLevel": "low", "includeThoughts": True}),
        (
            GEMINI_3,
            {"extra_body": {"google": {"thinking_config": {"thinking_level": "high"}}}},
            {"thinkingLevel": "low"},
        ),
        (
            GEMINI_3,
            {"extra_body": {"google": {"thinkingConfig": {"includeThoughts": True}}}},
            {"thinkingLevel": "low", "includeThoughts": True},
        ),
        (GEMINI_25, {}, {"thinkingBudget": 1024}),
        (GEMINI_25, {"reasoning_effort": "xhigh"}, {"thinkingBudget": 1024, "includeThoughts": True}),
        (GEMINI_25, {"extra_body": {"google": {"thinking_config": {"thinking_budget": -1}}}}, {"thinkingBudget": 1024}),
        (
            GEMINI_25,
            {"extra_body": {"google": {"thinking_config": {"thinking_budget": 9000}}}},
            {"thinkingBudget": 1024},
        ),
        (GEMINI_25, {"reasoning_effort": "none"}, {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"reasoning_effort": "none"}, {"thinkingBudget": 1024}),
        ("gemini-2.5-flash-lite", {}, None),
    ],
)
def test_g11_the_cap_of_the_reasoning_effort_limits_every_form_of_it(
    sdk: Sdk, issued: Issued, emulator: Emulator, model: str, fields: dict[str, Any], thinking: Any
) -> None:
    chat(sdk(issued.client_key(max_reasoning_effort="low")), model=model, **fields)

    config = emulator.received()[-1]["body"].get("generationConfig", {})
    found = config.get("thinkingConfig")
    if found is not None and "includeThoughts" in found and not found["includeThoughts"]:
        del found["includeThoughts"]
    assert found == thinking


def test_g11_strict_names_an_effort_beyond_the_cap(sdk: Sdk, issued: Issued) -> None:
    client = sdk(issued.client_key(max_reasoning_effort="low", strict=True, store=False))

    for create, fields, param in (
        (chat, {"reasoning_effort": "max"}, "reasoning_effort"),
        (response, {"reasoning": {"effort": "high"}, "store": False}, "reasoning.effort"),
    ):
        with pytest.raises(BadRequestError) as refused:
            create(client, **fields)
        assert refused.value.param == param
    assert chat(client, reasoning_effort="low").headers["x-request-id"]


@pytest.mark.parametrize("path", ["chat/completions", "completions", "responses", "responses/compact"])
@pytest.mark.parametrize("given", [{}, {"model": None}])
def test_g11_a_request_without_a_model_gets_the_default_model(
    gateway: LiveGateway, issued: Issued, emulator: Emulator, path: str, given: dict[str, Any]
) -> None:
    body = {"messages": [user_message()], "prompt": "Hi", "input": "Hi"}
    fields = {"chat/completions": "messages", "completions": "prompt"}.get(path, "input")
    headers = {"authorization": f"Bearer {issued.client_key(default_model=GEMINI_25)}"}
    sent = {fields: body[fields], **given}

    answered = httpx2.post(f"{gateway.base_url}/{path}", json=sent, headers=headers, trust_env=False)

    assert answered.status_code == 200
    assert GEMINI_25 in emulator.received()[-1]["path"]
    refused = httpx2.post(
        f"{gateway.base_url}/{path}",
        json=sent,
        headers={"authorization": f"Bearer {issued.client_key()}"},
        trust_env=False,
    )
    assert error_of(refused)["param"] == "model"


def test_g11_a_frame_without_a_model_gets_the_default_model(
    gateway: LiveGateway, issued: Issued, emulator: Emulator
) -> None:
    headers = {"authorization": f"Bearer {issued.client_key(default_model=GEMINI_25)}"}
    url = gateway.origin.replace("http", "ws") + "/v1/responses"
    with connect(url, additional_headers=headers, proxy=None) as socket:
        socket.send(json.dumps({"type": "response.create", "input": "Hi"}))
        while (event := json.loads(socket.recv(timeout=10)))["type"] not in {"response.completed", "error"}:
            pass

    assert event["response"]["model"] == GEMINI_25
    assert GEMINI_25 in emulator.received()[-1]["path"]


def test_g11_without_store_nothing_is_stored_and_stored_state_is_refused(
    sdk: Sdk, gateway: LiveGateway, issued: Issued
) -> None:
    project = issued.project()
    full = sdk(issued.client_key(project))
    client = sdk(issued.client_key(project, store=False))
    earlier, conversation = full.responses.create(model=GEMINI_3, input="Hi"), full.conversations.create()
    before = StoredResponse.objects.count(), StoredCompletion.objects.count()

    stored = response(client)
    completed = chat(client, store=True)

    assert stored.parse().store is False
    for answered in (stored, completed):
        assert "dropped store" in answered.headers["x-gateway-notes"]
    assert (StoredResponse.objects.count(), StoredCompletion.objects.count()) == before
    for param, call in (
        ("previous_response_id", lambda: response(client, previous_response_id=earlier.id)),
        ("conversation", lambda: response(client, conversation=conversation.id)),
        ("background", lambda: response(client, background=True)),
        ("conversation", client.conversations.create),
        ("conversation", lambda: client.conversations.update(conversation.id, metadata={})),
        ("conversation", lambda: client.conversations.items.create(conversation.id, items=[user_message()])),  # type: ignore[list-item]
        ("previous_response_id", lambda: client.responses.compact(model=GEMINI_3, previous_response_id=earlier.id)),
        (
            "previous_response_id",
            lambda: client.responses.input_tokens.count(model=GEMINI_3, previous_response_id=earlier.id),
        ),
    ):
        with pytest.raises(BadRequestError) as refused:
            call()
        assert (refused.value.param, refused.value.code) == (param, "storage_not_allowed")


def test_g11_without_store_and_strict_the_default_store_is_a_400(sdk: Sdk, issued: Issued) -> None:
    client = sdk(issued.client_key(store=False, strict=True))

    calls: list[Callable[[], Any]] = [
        lambda: response(client),
        lambda: response(client, store=True),
        lambda: chat(client, store=True),
    ]
    for call in calls:
        with pytest.raises(BadRequestError) as refused:
            call()
        assert refused.value.param == "store"
    assert response(client, store=False).parse().output_text
    assert client.responses.input_tokens.count(model=GEMINI_3, input="Hi").input_tokens
    assert client.responses.compact(model=GEMINI_3, input="Hi").output


def test_g11_a_response_of_a_connection_continues_without_store(gateway: LiveGateway, issued: Issued) -> None:
    headers = {"authorization": f"Bearer {issued.client_key(store=False)}"}
    url = gateway.origin.replace("http", "ws") + "/v1/responses"
    with connect(url, additional_headers=headers, proxy=None) as socket:
        previous: dict[str, Any] = {}
        for _ in range(2):
            socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, "input": "Hi", **previous}))
            while (event := json.loads(socket.recv(timeout=10)))["type"] not in {"response.completed", "error"}:
                pass
            assert event["type"] == "response.completed", event
            previous = {"previous_response_id": event["response"]["id"]}


def test_g11_without_media_fetching_a_url_is_refused_before_any_download(
    sdk: Sdk, issued: Issued, emulator: Emulator
) -> None:
    client = sdk(issued.client_key(media_fetching=False))
    picture = {"type": "image_url", "image_url": {"url": PICTURE}}

    with pytest.raises(BadRequestError) as refused:
        chat(client, messages=[user_message([picture])])

    assert refused.value.param == "messages[0].content[0].image_url.url"
    assert emulator.count() == 0


def test_g11_without_memory_a_session_is_neither_stored_nor_continued(
    sdk: Sdk, gateway: LiveGateway, issued: Issued, emulator: Emulator
) -> None:
    client = sdk(issued.client_key(memory=False))
    user = fresh("user")

    named = chat(client, user=user, extra_headers={"x-session-id": "one"})
    chat(client, user=user)

    assert not ChatSession.objects.filter(user=user).exists()
    assert [len(body["contents"]) for body in emulator.bodies()] == [1, 1]
    assert "dropped X-Session-Id" in named.headers["x-gateway-notes"]


def strict_calls(client: OpenAI) -> list[tuple[str, Callable[[], Any]]]:
    """Return (param, call) of a dropped or clamped parameter on each endpoint with parameters."""
    return [
        ("temperature", lambda: chat(client, temperature=0.2)),
        ("stop", lambda: chat(client, model=GEMINI_25, stop=[""])),
        ("depth", lambda: chat(client, extra_body={"depth": 3})),
        ("temperature", lambda: chat(client, temperature=0.2, stream=True)),
        ("temperature", lambda: completion(client, temperature=0.2)),
        ("temperature", lambda: response(client, temperature=0.2)),
        ("temperature", lambda: response(client, temperature=0.2, stream=True)),
        ("temperature", lambda: response(client, temperature=0.2, background=True)),
        ("X-Session-Id", lambda: response(client, extra_headers={"x-session-id": "one"})),
        ("depth", lambda: client.responses.input_tokens.count(model=GEMINI_3, input="Hi", extra_body={"depth": 3})),
        ("depth", lambda: client.responses.compact(model=GEMINI_3, input="Hi", extra_body={"depth": 3})),
        ("depth", lambda: client.conversations.create(extra_body={"depth": 3})),
    ]


def test_g11_strict_refuses_a_lost_parameter_by_name_on_every_endpoint(
    sdk: Sdk, issued: Issued, emulator: Emulator
) -> None:
    client = sdk(issued.client_key(strict=True))
    messages = Message.objects.count()

    for param, call in strict_calls(client):
        with pytest.raises(BadRequestError) as refused:
            call()
        assert (refused.value.param, refused.value.code) == (param, "unsupported_parameter")
    assert emulator.count() == 0
    assert Message.objects.count() == messages


def test_g11_without_strict_the_same_parameters_are_noted(sdk: Sdk, issued: Issued) -> None:
    client = sdk(issued.client_key())

    for _, call in strict_calls(client):
        assert call()


def test_g11_strict_refuses_a_lost_parameter_of_a_frame(gateway: LiveGateway, issued: Issued) -> None:
    headers = {"authorization": f"Bearer {issued.client_key(strict=True)}"}
    url = gateway.origin.replace("http", "ws") + "/v1/responses"
    with connect(url, additional_headers=headers, proxy=None) as socket:
        socket.send(json.dumps({"type": "response.create", "model": GEMINI_3, "input": "Hi", "temperature": 0.1}))
        event = json.loads(socket.recv(timeout=10))

    assert (event["status"], event["error"]["param"]) == (400, "temperature")


def test_g11_strict_accepts_a_request_that_loses_nothing(sdk: Sdk, gateway: LiveGateway, issued: Issued) -> None:
    client = sdk(issued.client_key(strict=True))

    mapped = chat(client, model="gpt-4o", max_tokens=100)

    assert "mapped model" in mapped.headers["x-gateway-notes"]
    first = response(client).parse()
    assert response(client, previous_response_id=first.id).parse().output_text
