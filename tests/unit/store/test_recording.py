"""The store on an event loop: group commit, exceptions per record, timeouts, and two workers in one session."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from blockbuster import BlockBuster
from django.db import InterfaceError, connection

from sessions_store.models import ChatSession, Message, UsageRecord
from sessions_store.state.chat_sessions import erase_sessions, find_session
from sessions_store.transcript.reading import path_to
from sessions_store.writing import batch_commit
from sessions_store.writing import store as recording
from sessions_store.writing.records import IDLE
from sessions_store.writing.store import Store, StoreError, StoreUnavailableError
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import NOON, exchange, message_pair
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("live_db")


@contextmanager
def held_writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, list[int]]]:
    """Hold the writer at its first batch until the event is set; the list gets the size of each batch."""
    gate, sizes = threading.Event(), []

    def write(records: Any, **options: Any) -> Any:
        gate.wait(10)
        sizes.append(len(records))
        return write_batch(records, **options)

    monkeypatch.setattr(batch_commit, "write_batch", write)
    yield gate, sizes
    gate.set()


async def test_an_acknowledged_record_is_committed(store: Store, principal_id: int, blockbuster: BlockBuster) -> None:
    record = exchange(principal_id, message_pair("1"), session={"user": "ann"})
    committed = await store.commit(record)

    found = await store.read(UsageRecord.objects.filter(request_id=record.usage.request_id).count)
    state = await store.read(find_session, principal_id, "ann", now=NOON, idle=IDLE)

    assert (found, store.pending) == (1, 0)
    assert state is not None
    assert (state.public_id, state.head) == (committed.session, committed.head)


async def test_queued_records_are_committed_together(
    store: Store, principal_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_writer(monkeypatch) as (gate, sizes):
        waiting = [asyncio.ensure_future(store.commit(exchange(principal_id, message_pair(str(n))))) for n in range(20)]
        await asyncio.sleep(0)
        assert store.pending == 20
        gate.set()
        heads = {committed.head for committed in await asyncio.gather(*waiting)}

    assert len(heads) == 20
    assert sum(sizes) == 20
    assert len(sizes) <= 2


async def test_a_commit_is_immediate_when_all_exchanges_are_queued(
    store: Store, principal_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "gather_seconds", lambda record: 3600.0)
    with held_writer(monkeypatch) as (gate, sizes):
        gate.set()
        waiting = [asyncio.ensure_future(store.commit(exchange(principal_id), under_way=3)) for _ in range(2)]
        await store.read(len, ())  # records submitted at the end of a loop iteration are submitted meanwhile
        assert (store.pending, sizes) == (2, [])
        await asyncio.wait_for(store.commit(exchange(principal_id), under_way=3), 30)
        await asyncio.gather(*waiting)

    assert sizes == [3]


async def test_a_bad_record_fails_alone(store: Store, principal_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = exchange(principal_id)
    await store.commit(taken)
    records = [exchange(principal_id, message_pair(str(n))) for n in range(9)]
    records[4:4] = [
        exchange(principal_id, request_id=taken.usage.request_id),
        exchange(2**40),
        exchange(principal_id, metadata={"not": object()}),
    ]

    with held_writer(monkeypatch) as (gate, _):
        waiting = [asyncio.ensure_future(store.commit(record)) for record in records]
        await asyncio.sleep(0)
        gate.set()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    wrong = {index: type(outcome) for index, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)}
    assert wrong[4] is wrong[5] is StoreError
    assert issubclass(wrong[6], TypeError)
    assert len(wrong) == 3
    rows = UsageRecord.objects.filter(principal_id=principal_id)
    assert [await rows.filter(error_code=code).acount() for code in ("", "record_refused")] == [10, 1]


async def test_a_lost_connection_is_opened_again(
    store: Store, principal_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt commits before the connection breaks: the second attempt must not store the record twice."""
    attempts: list[bool] = []

    def write(records: Any, *, uncertain: bool = False) -> Any:
        """Commit; the first time, lose the connection afterwards."""
        attempts.append(uncertain)
        committed = write_batch(records, uncertain=uncertain)
        if not uncertain:
            raise InterfaceError("connection already closed")
        return committed

    monkeypatch.setattr(batch_commit, "write_batch", write)
    record = exchange(principal_id, message_pair("1"), session={"user": "ann"})
    committed = await store.commit(record)

    assert attempts == [False, True]
    assert committed.head == record.messages[-1].key
    assert await UsageRecord.objects.filter(principal_id=principal_id).acount() == 1


async def test_an_unreachable_database_is_an_error(
    store: Store, principal_id: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(*_: Any, **__: Any) -> Any:
        raise InterfaceError("gone")

    monkeypatch.setattr(batch_commit, "write_batch", write)
    outcomes = await asyncio.gather(*(store.commit(exchange(principal_id)) for _ in range(3)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 3
    assert store.outage == "the database is out of reach"
    assert caplog.text.count("Nothing can be recorded: the database is out of reach") == 1


async def test_a_cancelled_commit_is_recorded(principal_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = Store(timeout=0.05)
    cancelled, late = exchange(principal_id), exchange(principal_id)
    with held_writer(monkeypatch) as (gate, _):
        task = asyncio.ensure_future(impatient.commit(cancelled))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(StoreError, match=r"0\.05 seconds"):
            await impatient.commit(late)
        gate.set()
        await impatient.close()

    assert await UsageRecord.objects.filter(principal_id=principal_id).acount() == 2
    assert impatient.pending == 0


async def test_the_queue_is_bounded(store: Store, principal_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_PENDING", 3)
    with held_writer(monkeypatch) as (gate, _):
        waiting = [asyncio.ensure_future(store.commit(exchange(principal_id))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="Too many"):
            await store.commit(exchange(principal_id))
        gate.set()
        await asyncio.gather(*waiting)
    await asyncio.to_thread(eventually, lambda: store.outage is None)
    await store.commit(exchange(principal_id))


async def test_closing_writes_the_queued_records(principal_id: int) -> None:
    closing = Store()
    waiting = [asyncio.ensure_future(closing.commit(exchange(principal_id))) for _ in range(50)]
    await asyncio.sleep(0)
    await closing.close()

    assert len(await asyncio.gather(*waiting)) == 50
    for call in (closing.commit(exchange(principal_id)), closing.read(int), closing.write(int)):
        with pytest.raises(StoreError, match="closed"):
            await call


async def test_writes_run_in_order_in_a_transaction(store: Store, principal_id: int) -> None:
    def half_done() -> None:
        ChatSession.objects.filter(principal_id=principal_id).update(title="changed")
        raise LookupError("after all not")

    commit = asyncio.ensure_future(store.commit(exchange(principal_id, message_pair("1"), session={"user": "ann"})))
    await asyncio.sleep(0)
    with pytest.raises(LookupError, match="after all"):
        await store.write(half_done)

    assert (await commit).session is not None
    assert (await ChatSession.objects.aget(principal_id=principal_id)).title == "1"
    assert await store.write(erase_sessions, principal_id, "ann") == 1


async def test_a_read_raises_the_exception_of_its_function(store: Store) -> None:
    def slow() -> None:
        raise TimeoutError("the call's own")

    with pytest.raises(TimeoutError, match="own"):
        await store.read(slow)
    with pytest.raises(StoreError, match="rejected"):
        await store.read(_nonsense)
    assert await store.read(int, "7") == 7


def _nonsense() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")


async def test_two_workers_in_one_session_commit_in_one_order(principal_id: int) -> None:
    """Each worker reads the head and commits on it, many times: one strict order, no message lost or stored twice."""
    workers = [Store(timeout=60), Store(timeout=60)]
    rounds = 20

    async def ask(worker: Store, text: str) -> bool:
        state = await worker.read(find_session, principal_id, "ann", now=NOON, idle=IDLE)
        head = state.head if state else None
        known = {"user": "ann", "session_id": state.id if state else None}
        return (await worker.commit(exchange(principal_id, message_pair(text), parent=head, session=known))).rebased

    rebased = await asyncio.gather(
        *(ask(worker, f"{number}-{index}") for index, worker in enumerate(workers) for number in range(rounds))
    )
    row = await ChatSession.objects.aget(principal_id=principal_id)
    state = await workers[0].read(find_session, principal_id, "ann", now=NOON, idle=IDLE)
    assert state is not None
    assert state.head is not None
    path = await workers[0].read(path_to, state.head, max_messages=1000, max_tokens=10**6)
    texts = [orjson.loads(message.openai)["content"] for message in path]
    for worker in workers:
        await worker.close()

    questions = texts[::2]
    assert any(rebased)
    assert len(questions) == len(set(questions)) == 2 * rounds
    assert texts[1::2] == [f"You said {question}" for question in questions]
    assert row.message_count == len(texts)
    assert await Message.objects.filter(principal_id=principal_id).acount() == len(texts)


async def test_two_workers_that_insert_the_same_messages_do_not_deadlock(principal_id: int) -> None:
    """Both workers insert the same histories in opposite order: no deadlock, no duplicate, every exchange recorded."""
    workers = [Store(timeout=60), Store(timeout=60)]
    histories = [
        [message for part in range(5) for message in message_pair(f"{part}-{number % 7}")] for number in range(40)
    ]

    await asyncio.gather(
        *(
            worker.commit(exchange(principal_id, history))
            for worker, order in zip(workers, (1, -1), strict=True)
            for history in histories[::order]
        )
    )
    for worker in workers:
        await worker.close()

    assert await UsageRecord.objects.filter(principal_id=principal_id).acount() == 80
    assert await Message.objects.filter(principal_id=principal_id).acount() == 7 * 10


@pytest.mark.parametrize(
    "refused",
    [{"prompt_tokens": 2**70}, {"model_version": object()}, {"prompt_tokens": -(2**70), "search_queries": 2**70}],
)
async def test_a_billed_exchange_is_recorded_although_its_record_is_rejected(
    store: Store, principal_id: int, refused: dict[str, Any]
) -> None:
    records = [
        exchange(principal_id, message_pair(str(number)), session={"user": str(number)}, metadata={"a": "b"}, **columns)
        for number, columns in enumerate([{}, refused, {**refused, "attempts": 0}, {}])
    ]

    outcomes = await asyncio.gather(*map(store.commit, records), return_exceptions=True)

    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, True, False]
    rows = {row.request_id: row async for row in UsageRecord.objects.filter(principal_id=principal_id)}
    assert rows.keys() == {record.usage.request_id for record in (records[0], records[1], records[3])}
    row = rows[records[1].usage.request_id]
    assert (row.status, row.http_status, row.error_code, row.estimated) == (
        "internal_error",
        500,
        "record_refused",
        True,
    )
    assert (row.upstream_model, row.attempts, row.completion_tokens) == ("gemini-3.8-flash", 1, 5)
    assert (row.answer_id, row.session_id) == (None, None)
    assert {one.user async for one in ChatSession.objects.filter(principal_id=principal_id)} == {"0", "3"}
