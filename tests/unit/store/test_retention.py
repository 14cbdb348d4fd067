"""Retention: `forget_old` erases content beyond its age, keeps newer content, and keeps usage records."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from sessions_store.models import Message, StoredItem, StoredResponse, UpstreamRequest, UsageRecord
from sessions_store.state.chat_sessions import list_sessions
from sessions_store.state.conversations import create_conversation, find_conversation
from sessions_store.state.responses import begin_response, find_response
from sessions_store.writing.records import ExchangeRecord
from sessions_store.writing.state_records import ResponseState, new_item
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import exchange, message_pair, new_principal, nodes, usage

pytestmark = pytest.mark.django_db
OLD = datetime.now(UTC) - timedelta(days=40)
NEW = datetime.now(UTC) - timedelta(days=5)


def respond(principal_id: int, text: str, at: datetime) -> str:
    """Record a stored response; return its id."""
    chain = nodes(principal_id, message_pair(text))
    row = usage(principal_id, chain, started_at=at, message=chain[0].key, answer=chain[-1].key)
    state = ResponseState(
        public_id=f"resp_{text}{principal_id}",
        principal_id=principal_id,
        request_id=row.request_id,
        status="completed",
        model="m",
        body="{}",
        created_at=at,
        message=chain[0].key,
        answer=chain[-1].key,
        inputs=(new_item(principal_id, {"id": f"msg_{text}", "text": text}),),
    )
    write_batch([ExchangeRecord(usage=row, messages=tuple(chain), state=state)])
    return state.public_id


def forget_old(*options: str) -> str:
    """Run the command; return its output."""
    said_by_it = StringIO()
    call_command("forget_old", *options, stdout=said_by_it)
    return said_by_it.getvalue()


def test_old_content_is_erased_and_its_usage_records_stay() -> None:
    principal_id = new_principal()
    old, new = respond(principal_id, "old", OLD), respond(principal_id, "new", NEW)
    for name, at in (("conv_old", OLD), ("conv_new", NEW)):
        item = new_item(principal_id, {"id": f"msg_{name}", "text": name})
        create_conversation(principal_id, f"{name}{principal_id}", {}, [item], at)

    sent = forget_old("--days", "30")

    assert "1 conversations deleted" in sent
    assert find_response(principal_id, old) is None
    assert find_response(principal_id, new) is not None
    assert find_conversation(principal_id, f"conv_old{principal_id}") is None
    assert find_conversation(principal_id, f"conv_new{principal_id}") is not None
    left = " ".join(StoredItem.objects.filter(principal_id=principal_id).values_list("body", flat=True))
    assert "msg_new" in left
    assert "msg_conv_new" in left
    assert "old" not in left
    messages = Message.objects.filter(principal_id=principal_id).values_list("openai", flat=True)
    assert len(messages) == 2
    assert UsageRecord.objects.filter(principal_id=principal_id).count() == 2


def test_a_session_in_use_keeps_its_beginning() -> None:
    principal_id = new_principal()
    write_batch([exchange(principal_id, message_pair("first"), session={"user": "ann", "follow": True, "now": OLD})])
    chain = [*message_pair("first"), *message_pair("second")]
    write_batch([exchange(principal_id, chain, session={"user": "ann", "follow": True, "now": NEW})])
    UsageRecord.objects.filter(principal_id=principal_id).update(started_at=OLD)

    forget_old("--days", "30")

    [session] = list_sessions(principal_id)
    assert session.messages == 4
    assert Message.objects.filter(principal_id=principal_id).count() == 4


def test_unreferenced_settings_and_tools_are_erased() -> None:
    principal_id = new_principal()
    keys = {name: uuid4().hex for name in ("old", "new", "lost")}
    for name, at in (("old", OLD), ("new", NEW)):
        record = exchange(principal_id, message_pair(name), started_at=at)
        write_batch([replace(record, upstream_request=(keys[name], f"tools of {name}"))])
    UpstreamRequest.objects.create(pk=keys["lost"], body="tools of a version that kept them")

    sent = forget_old("--days", "30")

    assert "2 request bodies deleted" in sent
    assert UpstreamRequest.objects.filter(pk__in=keys.values()).get().pk.hex == keys["new"]


def test_no_record_is_deleted_by_default() -> None:
    old = respond(new_principal(), "old", OLD)

    for options in ((), ("--days", "0")):
        assert "0 days (--days or STATE_RETENTION_DAYS) keeps content forever" in forget_old(*options)
    with pytest.raises(CommandError, match="negative"):
        forget_old("--days", "-30")
    assert StoredResponse.objects.filter(public_id=old).exists()


def test_background_responses_of_a_stopped_server_become_failed() -> None:
    principal_id = new_principal()
    state = ResponseState(
        public_id=f"resp_dead{principal_id}",
        principal_id=principal_id,
        request_id="req_dead",
        status="queued",
        model="m",
        body='{"status": "queued"}',
        created_at=OLD,
        background=True,
        worker="gone",
    )
    begin_response(state)

    assert "1 background responses marked as failed" in forget_old()

    found = find_response(principal_id, state.public_id)
    assert found is not None
    assert (found.status, found.body["status"], found.body["error"]["code"]) == ("failed", "failed", "server_error")
    assert "1 unfinished responses deleted" in forget_old("--days", "30")
    assert find_response(principal_id, state.public_id) is None
