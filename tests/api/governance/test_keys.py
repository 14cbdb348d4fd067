"""Client keys: forms, places, scopes, rotation, revocation, and the end of keyless mode (governance G1 to G10)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from openai import AuthenticationError, NotFoundError, OpenAI, PermissionDeniedError

from sessions_store.accounts.issuing import archive_project, revoke_key, rotate_key
from sessions_store.accounts.key_form import is_key, new_key
from sessions_store.models import Key, UsageRecord
from tests.exchanges import fresh, user_message
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway

MODEL = "gemini-3.8-flash"
HELLO: Any = [user_message()]


def sdk(gateway: LiveGateway, key: str) -> OpenAI:
    """Return OpenAI's client with a key, without retries."""
    return OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0)


def say_hello(client: OpenAI) -> str:
    """Return the id of a chat completion."""
    return client.chat.completions.create(model=MODEL, messages=HELLO).id


def test_g01_a_key_with_a_wrong_character_is_no_key() -> None:
    key = new_key()

    assert is_key(key)
    for position in range(len("sk-gw-"), len(key)):
        other = "A" if key[position] != "A" else "B"
        assert not is_key(key[:position] + other + key[position + 1 :])


def test_g02_the_database_contains_no_key(issued: Issued) -> None:
    row, key = issued.key()

    values = Key.objects.filter(pk=row.pk).values()[0]
    assert key not in str(values)
    assert key[6:38] not in str(values)


def test_g10_the_first_key_closes_keyless_mode_and_the_end_of_the_last_key_leaves_it_closed(
    gateway: LiveGateway, issued: Issued
) -> None:
    assert say_hello(sdk(gateway, "dummy"))
    row, key = issued.key()

    assert say_hello(sdk(gateway, key))
    with pytest.raises(AuthenticationError) as missing:
        say_hello(sdk(gateway, "dummy"))
    assert missing.value.code == "invalid_api_key"
    assert "create_key" in missing.value.message
    assert missing.value.response.headers["x-should-retry"] == "false"

    revoke_key(row)
    for given in (key, "dummy"):
        with pytest.raises(AuthenticationError):
            say_hello(sdk(gateway, given))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer {}"},
        {"api-key": "{}"},
        {"x-api-key": "{}"},
        {"x-goog-api-key": "{}"},
        {"Authorization": "Bearer dummy", "api-key": "{}"},
        {"Authorization": "Bearer {}", "x-api-key": "{}"},
    ],
)
def test_g09_a_key_may_stand_in_each_of_its_headers(
    gateway: LiveGateway, issued: Issued, headers: Mapping[str, str]
) -> None:
    key = issued.client_key()

    sent = {name: value.format(key) for name, value in headers.items()}
    found = httpx2.get(f"{gateway.base_url}/models", headers=sent, trust_env=False)

    assert found.status_code == 200
    assert key not in gateway.log


def test_g09_two_different_keys_are_rejected(gateway: LiveGateway, issued: Issued) -> None:
    headers = {"Authorization": f"Bearer {issued.client_key()}", "api-key": issued.client_key()}

    found = httpx2.get(f"{gateway.base_url}/models", headers=headers, trust_env=False)

    assert (found.status_code, found.json()["error"]["code"]) == (401, "invalid_api_key")


def test_g14_unknown_revoked_and_expired_keys_get_the_same_answer(gateway: LiveGateway, issued: Issued) -> None:
    revoked, revoked_key = issued.key()
    revoke_key(revoked)
    expired, expired_key = issued.key()
    rotate_key(expired, timedelta(0))
    archived = issued.project()
    archived_key = issued.client_key(archived)
    archive_project(archived)

    bodies = set()
    for key in (new_key(), revoked_key, expired_key, archived_key):
        with pytest.raises(AuthenticationError) as rejected:
            say_hello(sdk(gateway, key))
        bodies.add(str(rejected.value.body))
    assert len(bodies) == 1


def test_g06_both_keys_are_valid_within_the_overlap(gateway: LiveGateway, issued: Issued) -> None:
    row, key = issued.key()
    successor, new = rotate_key(row)

    assert say_hello(sdk(gateway, key))
    assert say_hello(sdk(gateway, new))
    assert Key.objects.get(pk=row.pk).successor_id == successor.pk


def test_g05_scopes_restrict_the_endpoint_families(gateway: LiveGateway, issued: Issued) -> None:
    client = sdk(gateway, issued.client_key(scopes=["chat.write", "models.read"]))

    assert say_hello(client)
    assert client.models.list().data
    for forbidden in (
        client.chat.completions.list,
        lambda: client.responses.create(model=MODEL, input="Hi"),
        client.conversations.create,
    ):
        with pytest.raises(PermissionDeniedError) as rejected:
            forbidden()
        assert rejected.value.code == "insufficient_permissions"


def test_g05_a_forbidden_model_is_the_404_of_a_missing_one(gateway: LiveGateway, issued: Issued) -> None:
    client = sdk(gateway, issued.client_key(models={"mode": "allow_list", "model_ids": ["gemini-2.5-flash*"]}))

    assert client.chat.completions.create(model="gpt-3.5-turbo", messages=HELLO).id
    with pytest.raises(NotFoundError) as forbidden:
        client.chat.completions.create(model="gpt-4", messages=HELLO)
    assert forbidden.value.code == "model_not_found"
    names = {model.id for model in client.models.list()}
    assert "gpt-3.5-turbo" in names
    assert not {"gpt-4", "gemini-2.5-pro"} & names
    with pytest.raises(NotFoundError):
        client.models.retrieve("gpt-4")


def test_usage_records_name_the_key_and_the_project(gateway: LiveGateway, issued: Issued) -> None:
    project = issued.project(tags=["team-a"])
    row, key = issued.key(project)
    user = fresh("user")

    sdk(gateway, key).chat.completions.create(model=MODEL, messages=HELLO, user=user)

    record = UsageRecord.objects.get(user=user)
    assert (record.key_id, record.project_id, record.principal_id) == (row.pk, project.pk, row.principal_id)
    assert record.tags == ["team-a"]


def test_objects_of_another_project_are_the_404_of_missing_ones(gateway: LiveGateway, issued: Issued) -> None:
    owner = sdk(gateway, issued.client_key(issued.project()))
    stranger = sdk(gateway, issued.client_key(issued.project()))
    response = owner.responses.create(model=MODEL, input="Hi")
    conversation = owner.conversations.create()
    completion = owner.chat.completions.create(model=MODEL, messages=HELLO, store=True)

    assert owner.responses.retrieve(response.id).id == response.id
    for foreign, missing in (
        (lambda: stranger.responses.retrieve(response.id), lambda: stranger.responses.retrieve("resp_" + "0" * 48)),
        (
            lambda: stranger.responses.create(model=MODEL, input="Hi", previous_response_id=response.id),
            lambda: stranger.responses.create(model=MODEL, input="Hi", previous_response_id="resp_" + "0" * 48),
        ),
        (
            lambda: stranger.conversations.retrieve(conversation.id),
            lambda: stranger.conversations.retrieve("conv_" + "0" * 48),
        ),
        (
            lambda: stranger.chat.completions.retrieve(completion.id),
            lambda: stranger.chat.completions.retrieve("chatcmpl-" + "0" * 32),
        ),
    ):
        errors = []
        for call in (foreign, missing):
            with pytest.raises(Exception) as raised:  # noqa: PT011 - compared below
                call()
            errors.append((type(raised.value), raised.value.code))  # type: ignore[attr-defined]
        assert errors[0] == errors[1]


def test_a_key_of_the_default_project_reaches_what_was_stored_without_a_key(
    gateway: LiveGateway, issued: Issued
) -> None:
    before = sdk(gateway, "dummy").responses.create(model=MODEL, input="Hi")

    assert sdk(gateway, issued.client_key()).responses.retrieve(before.id).id == before.id
