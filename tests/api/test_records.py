"""The record of an exchange: usage, cost, notes, roll-ups; and edits of the catalogue, valid for the next request."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.core.management import call_command
from django.db.models import Model, Sum

from sessions_store.models import (
    ModelMapping,
    ModelPrice,
    UpstreamModel,
    UsageDay,
    UsageHour,
    UsageMinute,
    UsageRecord,
)
from sessions_store.usage.rollups import rebuild
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_3, GEMINI_25, chat_body, error_of, events, fresh, usage_of

pytestmark = pytest.mark.usefixtures("live_db")

# USD per million tokens is nano-USD per thousand tokens: input and output of two models on every day before 2027.
FLASH_25 = (300, 2500)
FLASH_38 = (750, 3750)


@pytest.fixture
def mapping(live_db: None) -> Iterator[ModelMapping]:
    """A mapping of the test to gemini-2.5-flash."""
    row = ModelMapping.objects.create(public_name=fresh("test-model"), upstream_model=GEMINI_25, position=1)
    yield row
    ModelMapping.objects.filter(id=row.id).delete()


def ask(http: httpx2.Client, text: str = "Hello!", **changes: Any) -> httpx2.Response:
    """Send a chat request; assert a 200."""
    response = http.post(CHAT, json=chat_body(text, **changes))
    assert response.status_code == 200, response.text
    return response


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "price"), [(GEMINI_25, FLASH_25), (GEMINI_3, FLASH_38)])
def test_tokens_and_cost_are_recorded(
    http: httpx2.Client, emulator: Emulator, model: str, price: tuple[int, int], stream: bool
) -> None:
    response = ask(
        http, "Tell me a story", model=model, stream=stream, stream_options={"include_usage": True} if stream else None
    )
    usage = events(response)[-1]["usage"] if stream else response.json()["usage"]
    record = usage_of(response.headers)

    assert (record.prompt_tokens, record.completion_tokens, record.total_tokens) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        usage["total_tokens"],
    )
    assert record.reasoning_tokens == usage["completion_tokens_details"]["reasoning_tokens"]
    assert not record.estimated
    assert record.cost_nano == record.prompt_tokens * price[0] + record.completion_tokens * price[1]
    assert [ModelPrice.objects.get(id=number).model.name for number in record.prices] == [model]
    [metadata] = record.usage_metadata
    assert metadata["promptTokenCount"] == record.prompt_tokens


def test_cached_tokens_cost_less(http: httpx2.Client, emulator: Emulator) -> None:
    candidate = {"content": {"role": "model", "parts": [{"text": "Yes."}]}, "finishReason": "STOP", "index": 0}
    counts = {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 400,
        "candidatesTokenCount": 10,
        "thoughtsTokenCount": 20,
        "totalTokenCount": 1030,
    }
    emulator.script({"body": {"candidates": [candidate], "usageMetadata": counts, "modelVersion": GEMINI_25}})
    response = ask(http)

    details = response.json()["usage"]
    assert details["prompt_tokens_details"]["cached_tokens"] == 400
    assert details["completion_tokens"] == 30
    record = usage_of(response.headers)
    assert (record.cached_tokens, record.reasoning_tokens) == (400, 20)
    assert record.cost_nano == 600 * 300 + 400 * 30 + 30 * 2500


QUERY, GROUNDED_PROMPT = 14_000_000, 35_000_000  # nano-USD


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "fee"), [(GEMINI_3, 2 * QUERY + 750 * 100), (GEMINI_25, GROUNDED_PROMPT + 300 * 100)]
)
def test_rule_098_a_web_search_is_billed(
    http: httpx2.Client, emulator: Emulator, model: str, fee: int, stream: bool
) -> None:
    grounding = {"webSearchQueries": ["", "ducks", "geese"], "groundingChunks": [{"web": {"uri": "https://a.example"}}]}
    body = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "Yes."}]},
                "finishReason": "STOP",
                "groundingMetadata": grounding,
            }
        ],
        "usageMetadata": {"promptTokenCount": 100, "toolUsePromptTokenCount": 5000, "totalTokenCount": 5100},
    }
    emulator.script({"chunks": [body]} if stream else {"body": body})
    record = usage_of(ask(http, model=model, stream=stream, web_search_options={}).headers)

    assert (record.search_queries, record.grounded) == (2, [True])
    assert (record.prompt_tokens, record.tool_tokens) == (5100, 5000)
    assert record.cost_nano == fee


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "Ducks?"}], "web_search_options": {}}),
        ("/v1/responses", {"input": "Ducks?", "tools": [{"type": "web_search"}]}),
    ],
)
def test_searches_of_every_dialect_are_billed(
    http: httpx2.Client, emulator: Emulator, path: str, asked: dict[str, Any]
) -> None:
    response = http.post(path, json={"model": GEMINI_3, **asked})
    assert response.status_code == 200, response.text
    record = usage_of(response.headers)

    assert (record.search_queries, record.grounded) == (1, [True])
    tokens = (record.prompt_tokens - record.tool_tokens) * 750 + record.completion_tokens * 3750
    assert record.cost_nano == tokens + QUERY


def test_a_record_has_models_tokens_and_cost(http: httpx2.Client, emulator: Emulator) -> None:
    before = datetime.now(UTC)
    response = ask(
        http, model="gpt-3.5-turbo", top_p=0.5, metadata={"team": "red"}, user=fresh("user"), safety_identifier="x"
    )
    record = usage_of(response.headers)

    assert (record.endpoint, record.status, record.http_status) == ("chat.completions", "ok", 200)
    assert (record.public_model, record.upstream_model, record.model_version) == ("gpt-3.5-turbo", GEMINI_25, GEMINI_25)
    assert (record.upstream, record.stream, record.attempts, record.choices) == ("gemini", False, 1, 1)
    assert (record.finish_reason, record.native_finish_reason, record.error_code) == ("stop", "STOP", "")
    assert (record.principal.username, record.metadata) == ("local", {"team": "red"})
    assert ["mapped", "model", "gpt-3.5-turbo -> gemini-2.5-flash"] in record.notes
    assert "safety_identifier" in {param for _, param, _ in record.notes}
    assert before <= record.started_at <= datetime.now(UTC)
    assert record.first_byte_ms is not None
    assert 0 <= record.first_byte_ms <= record.latency_ms < 30_000
    assert record.placement == [0]
    assert record.upstream_request is not None
    assert "contents" not in record.upstream_request.body
    assert "generationConfig" in record.upstream_request.body


def test_equal_upstream_bodies_are_stored_once(http: httpx2.Client, emulator: Emulator) -> None:
    records = [usage_of(ask(http, text, temperature=0.123).headers) for text in ("One", "Two")]

    assert len({record.upstream_request_id for record in records}) == 1


def test_the_placement_lists_the_content_of_each_message(http: httpx2.Client, emulator: Emulator) -> None:
    messages = [
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": "One"},
        {"role": "user", "content": "Two"},
        {"role": "assistant", "content": "Three"},
        {"role": "user", "content": "Four"},
    ]
    record = usage_of(ask(http, messages=messages).headers)

    [sent] = emulator.bodies()
    assert len(sent["contents"]) == 3
    assert record.placement == [-1, 0, 0, 1, 2]


def test_legacy_completions_are_recorded(http: httpx2.Client, emulator: Emulator) -> None:
    response = http.post(COMPLETIONS, json={"model": GEMINI_25, "prompt": ["One", "Two"], "n": 2})
    record = usage_of(response.headers)

    assert (record.endpoint, record.choices, record.attempts) == ("completions", 4, 2)
    assert record.total_tokens == response.json()["usage"]["total_tokens"]
    assert len(record.more_answers) == 3


SUMS = ("requests", "errors", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cost_nano", "latency_sum_ms")


def test_roll_ups_equal_the_sum_of_the_records(http: httpx2.Client, emulator: Emulator, mapping: ModelMapping) -> None:
    emulator.script({"status": 500, "body": {}}, {"no_finish": True})
    for _ in range(2):
        http.post(CHAT, json=chat_body(model=mapping.public_name, stream=True))
    for text in ("One", "Two", "Three"):
        ask(http, text, model=mapping.public_name)

    records = UsageRecord.objects.filter(public_model=mapping.public_name)
    assert sorted(records.values_list("status", flat=True)) == ["ok", "ok", "ok", "truncated", "upstream_error"]
    wanted: dict[str, Any] = records.aggregate(
        prompt_tokens=Sum("prompt_tokens"),
        completion_tokens=Sum("completion_tokens"),
        reasoning_tokens=Sum("reasoning_tokens"),
        cost_nano=Sum("cost_nano"),
        latency_sum_ms=Sum("latency_ms"),
    )
    wanted |= {"requests": 5, "errors": 2}
    table: type[Model]
    for table in (UsageMinute, UsageHour, UsageDay):
        rows = table._default_manager.filter(public_model=mapping.public_name)
        assert rows.aggregate(**{name: Sum(name) for name in SUMS}) == wanted
        assert sum(sum(row.histogram) for row in rows) == 5


def test_roll_ups_of_the_whole_run_match_the_records(http: httpx2.Client, emulator: Emulator) -> None:
    ask(http)

    call_command("check_rollups")  # raises CommandError for any difference


def test_an_edited_mapping_applies_to_the_next_request(
    http: httpx2.Client, emulator: Emulator, mapping: ModelMapping
) -> None:
    for upstream in (GEMINI_25, GEMINI_3, "gemini-2.5-flash-lite", "gemini-4-argon"):
        mapping.upstream_model = upstream
        mapping.save()
        response = ask(http, model=mapping.public_name)
        assert response.headers["x-gateway-model"] == upstream
        assert response.json()["model"] == mapping.public_name
    assert [entry["path"].split("/")[-1].split(":")[0] for entry in emulator.received()] == [
        GEMINI_25,
        GEMINI_3,
        "gemini-2.5-flash-lite",
        "gemini-4-argon",
    ]


def test_a_disabled_mapping_does_not_apply_to_the_next_request(
    http: httpx2.Client, emulator: Emulator, mapping: ModelMapping
) -> None:
    ask(http, model=mapping.public_name)
    assert mapping.public_name in http.get("/v1/models").text
    mapping.enabled = False
    mapping.save()

    response = http.post(CHAT, json=chat_body(model=mapping.public_name))
    assert (response.status_code, error_of(response)["code"]) == (404, "model_not_found")
    assert mapping.public_name not in http.get("/v1/models").text
    mapping.delete()


def test_patterns_are_tried_in_their_order(http: httpx2.Client, emulator: Emulator, mapping: ModelMapping) -> None:
    stem = mapping.public_name
    mapping.public_name = f"{stem}-*"
    mapping.save()
    first = ModelMapping.objects.create(public_name=f"{stem}-mini*", upstream_model=GEMINI_3, position=0)
    try:
        assert ask(http, model=f"{stem}-mini-2").headers["x-gateway-model"] == GEMINI_3
        assert ask(http, model=f"{stem}-large").headers["x-gateway-model"] == GEMINI_25
        first.position = 2
        first.save()
        assert ask(http, model=f"{stem}-mini-2").headers["x-gateway-model"] == GEMINI_25
    finally:
        first.delete()
    assert http.post(CHAT, json=chat_body(model=f"{stem}")).status_code == 404


def test_default_parameters_of_a_mapping_are_applied(
    http: httpx2.Client, emulator: Emulator, mapping: ModelMapping
) -> None:
    mapping.defaults = {"temperature": 0.25, "max_tokens": 321, "reasoning_effort": "low"}
    mapping.save()
    by_default = ask(http, model=mapping.public_name)
    own = ask(http, model=mapping.public_name, temperature=1.5, max_completion_tokens=55)

    first, second = emulator.bodies()
    assert first["generationConfig"]["temperature"] == 0.25
    assert first["generationConfig"]["maxOutputTokens"] == 321
    assert "thinkingConfig" in first["generationConfig"]
    assert second["generationConfig"]["temperature"] == 1.5
    assert second["generationConfig"]["maxOutputTokens"] == 55
    assert "added temperature: default of the model mapping" in by_default.headers["x-gateway-notes"]
    assert "added temperature" not in own.headers["x-gateway-notes"]


def test_the_price_of_the_day_is_used(http: httpx2.Client, emulator: Emulator, mapping: ModelMapping) -> None:
    model = UpstreamModel.objects.get(name="gemini-2.5-flash-lite")
    mapping.upstream_model = model.name
    mapping.save()
    price = ModelPrice.objects.create(model=model, valid_from=datetime.now(UTC).date(), input="7", output="11")
    try:
        record = usage_of(ask(http, model=mapping.public_name).headers)
    finally:
        price.delete()
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        rebuild(today - timedelta(days=1), today + timedelta(days=1))  # by line item, without the price

    assert len(record.prices) == 1
    assert record.cost_nano == record.prompt_tokens * 7000 + record.completion_tokens * 11000


def test_a_retired_model_is_replaced_by_its_successor(http: httpx2.Client, emulator: Emulator) -> None:
    old = UpstreamModel.objects.create(
        name=fresh("gemini-test"),
        family="gemini-2.5",
        retires_on=datetime.now(UTC).date() + timedelta(days=1),
        successor=UpstreamModel.objects.get(name=GEMINI_3),
    )
    try:
        emulator.script({"status": 404, "body": {"error": {"code": 404, "message": "no model", "status": "NOT_FOUND"}}})
        assert (
            http.post(CHAT, json=chat_body(model=old.name)).status_code == 404
        )  # not replaced: Gemini does not know the model
        assert old.name in http.get("/v1/models").text
        old.retires_on = datetime.now(UTC).date()
        old.save()

        response = ask(http, model=f"models/{old.name}")
        assert response.headers["x-gateway-model"] == GEMINI_3
        assert f"{old.name} -> {GEMINI_3} since {old.retires_on}" in response.headers["x-gateway-notes"]
        record = usage_of(response.headers)
        assert (record.public_model, record.upstream_model) == (f"models/{old.name}", GEMINI_3)
        assert any("since" in reason for _, _, reason in record.notes)
        assert old.name not in http.get("/v1/models").text
    finally:
        old.delete()
