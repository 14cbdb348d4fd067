"""A statement returns its own rows, with any statements before it in the transaction.

PostgreSQL sends the results of a pipeline as soon as its buffer of 8 KiB is full: the results of earlier statements
then arrive while a later statement is sent.
"""

import pytest

from sessions_store.database.cursors import hot_transaction
from sessions_store.models import ChatSession, UsageRecord
from sessions_store.writing.writer import write_batch
from tests.unit.store.exchanges import exchange, message_pair, new_principal

pytestmark = pytest.mark.django_db
STATEMENTS = 5_000
LONG = "x" * 1_000
INSERT = "INSERT INTO numbered (number, words) VALUES (%s, %s) RETURNING words"


@pytest.mark.parametrize("before", [*range(1, 40), STATEMENTS])
def test_a_statement_returns_its_own_rows(before: int) -> None:
    with hot_transaction() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbered (number bigint, words text)", ())
        for first in (0, before, 2 * before):
            cursor.executemany(INSERT, [(first + number, LONG) for number in range(before)])
            assert cursor.rows("SELECT count(*), max(number) FROM numbered", ()) == [
                (first + before, first + before - 1)
            ]
            assert cursor.rows(INSERT, (-1, "own words")) == [("own words",)]
            cursor.execute("DELETE FROM numbered WHERE number < 0", ())
        cursor.execute("DROP TABLE numbered", ())


def test_sessions_of_a_large_batch_have_their_own_ids_and_heads() -> None:
    principal_id = new_principal()
    names = [f"name-{number}" for number in range(60)]
    records = [
        exchange(
            principal_id,
            [message for step in range(40) for message in message_pair(f"{name} {step} {LONG}")],
            session={"user": "ann", "name": name, "follow": True},
        )
        for name in names
    ]

    committed = write_batch(records)

    for name, record, outcome in zip(names, records, committed, strict=True):
        session = ChatSession.objects.get(principal_id=principal_id, name=name)
        usage = UsageRecord.objects.select_related("answer").get(request_id=record.usage.request_id)
        answer = usage.answer
        assert answer is not None
        assert answer.key is not None
        assert (session.public_id, session.head_id, session.message_count) == (outcome.session, answer.pk, 80)
        assert (usage.session_id, answer.key.hex) == (session.pk, outcome.head)
        assert f"{name} 39 " in answer.openai
