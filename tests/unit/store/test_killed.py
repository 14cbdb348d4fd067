"""kill -9 while exchanges are recorded: every acknowledged record is complete, and the roll-ups match."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from sessions_store.models import ChatSession, Message, UsageDay, UsageRecord
from tests.unit.store.exchanges import new_principal

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 3
ACKNOWLEDGED = 60
RECORDER = """
import asyncio, sys
import django
django.setup()
from sessions_store.writing.store import Store
from tests.unit.store.exchanges import exchange, message_pair

async def client(store, number, principal_id):
    head, count = None, 0
    while True:
        count += 1
        user = f"user-{principal_id}-{number}"
        record = exchange(principal_id, message_pair(f"{number}-{count}"), parent=head, session={"user": user})
        head = (await store.commit(record)).head
        print(record.usage.request_id, user, head, flush=True)

async def main(principal_id):
    store = Store()
    await asyncio.gather(*(client(store, number, principal_id) for number in range(8)))

asyncio.run(main(int(sys.argv[1])))
"""


@pytest.mark.usefixtures("live_db")
@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_no_acknowledged_record_is_lost(round_number: int) -> None:
    principal_id = new_principal()
    recorder = subprocess.Popen(
        [sys.executable, "-c", RECORDER, str(principal_id)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert recorder.stdout is not None
    lines = [recorder.stdout.readline() for _ in range(ACKNOWLEDGED + 17 * round_number)]
    recorder.send_signal(signal.SIGKILL)
    lines += [line for line in recorder.stdout if line.endswith("\n")]
    recorder.wait()
    recorder.stdout.close()
    acknowledged = [line.split() for line in lines]

    stored = UsageRecord.objects.filter(principal_id=principal_id)
    heads = dict(ChatSession.objects.filter(principal_id=principal_id).values_list("user", "head"))
    last = {user: head for _, user, head in acknowledged}

    assert len(acknowledged) >= ACKNOWLEDGED
    assert {request_id for request_id, _, _ in acknowledged} <= set(stored.values_list("request_id", flat=True))
    for user, head in last.items():  # the head may be one committed message ahead of the last confirmed one
        [keys] = Message.objects.filter(pk=heads[user]).values_list("key", "parent__parent__key")
        assert head in {key.hex for key in keys if key is not None}
    assert Message.objects.filter(principal_id=principal_id).count() == 2 * stored.count()
    assert sum(UsageDay.objects.filter(principal_id=principal_id).values_list("requests", flat=True)) == stored.count()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
