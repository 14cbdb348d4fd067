"""Writes a batch of exchanges in one transaction: sessions, messages, usage with its cost, roll-ups, budgets.

Every writer locks tables and rows in the same order, so that the transactions of two workers cannot deadlock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from operator import attrgetter, itemgetter

from django.db import transaction

from sessions_store.accounts.key_use import key_uses
from sessions_store.budgets.settlement import Settlement
from sessions_store.catalogue import loaded
from sessions_store.catalogue.resolution import Catalogue
from sessions_store.database.cursors import Cursor, hot_cursor, hot_transaction
from sessions_store.database.sql import Insert, Row, from_texts, within
from sessions_store.models import Message, ToolCall, UpstreamRequest, UsageRecord
from sessions_store.state.call_signatures import write_signatures
from sessions_store.transcript.canonical import NodeId, NodeKey, stored_call_id
from sessions_store.transcript.placement import ROOT, Place, new_ids, outer_parents, read_places, rehang
from sessions_store.transcript.values import INSTRUCTION_ROLES, OMITTED
from sessions_store.usage.charges import charge
from sessions_store.usage.rollups import RECORD_COLUMNS, Totals
from sessions_store.writing.records import Committed, ExchangeRecord, NewMessage, UsageRow
from sessions_store.writing.session_heads import ActiveSession, SessionHeads
from sessions_store.writing.state_writer import Pending, write_states

_EARLIER = ("former_gemini", "former_model", "former_account")
_STORED_NODE = "sessions_store_message"
# OpenAI's form of an assistant message does not show code execution: two equal messages may have run different code.
_OTHER_CODE = (
    f"excluded.gemini <> {_STORED_NODE}.gemini AND ("
    + " OR ".join(
        f"replace({row}.gemini, '\"executableCode\"', '') <> {row}.gemini" for row in ("excluded", _STORED_NODE)
    )
    + ")"
)
_OTHER_MODEL = f"(excluded.model <> {_STORED_NODE}.model OR excluded.account <> {_STORED_NODE}.account)"
# A client's message may get its Gemini content, with thought signatures, later. If another model generates the same
# message, its content comes first and the previous content moves to `former_*`: a signature holds for one model family.
# The same message after other code execution replaces its content: the newest content is the one to continue.
INSERT_MESSAGES = Insert(
    Message,
    "ON CONFLICT (id) DO UPDATE SET gemini = excluded.gemini, model = excluded.model, account = excluded.account, "
    + ", ".join(
        f"{earlier} = CASE WHEN {_STORED_NODE}.model = '' OR NOT {_OTHER_MODEL} THEN {_STORED_NODE}.{earlier}"
        f" ELSE {_STORED_NODE}.{earlier.removeprefix('former_')} END"
        for earlier in _EARLIER
    )
    + f" WHERE ({_STORED_NODE}.gemini = '' AND excluded.gemini <> '')"
    f" OR (excluded.model <> '' AND ({_OTHER_MODEL} OR ({_OTHER_CODE})))",
    later=_EARLIER,
)
INSERT_TOOL_CALLS = Insert(ToolCall, "ON CONFLICT (principal_id, call_id) DO NOTHING")
INSERT_UPSTREAM_REQUESTS = Insert(UpstreamRequest, "ON CONFLICT (id) DO NOTHING")
# Columns that only the commit knows.
_FILLED_HERE = (
    *("cost_nano", "prices", "message_id", "answer_id", "more_answers", "system_ids", "upstream_request_id"),
    "session_id",
)
INSERT_USAGE = Insert(UsageRecord, last=_FILLED_HERE)

_STORED = """
SELECT usage.request_id, answer.key, session.public_id, head.key, usage.cost_nano
  FROM sessions_store_usagerecord usage
  LEFT JOIN sessions_store_message answer ON answer.id = usage.answer_id
  LEFT JOIN sessions_store_chatsession session ON session.id = usage.session_id
  LEFT JOIN sessions_store_message head ON head.id = session.head_id
 WHERE {among}
"""
_read_given = attrgetter(*INSERT_USAGE.columns[: -len(_FILLED_HERE)])
_AT = INSERT_USAGE.index
_SESSION, _PLACEMENT, _COST = _AT["session_id"], _AT["placement"], _AT["cost_nano"]
_totals_of = itemgetter(*(_AT[column] for column in RECORD_COLUMNS))


def write_batch(records: Sequence[ExchangeRecord], *, uncertain: bool = False) -> list[Committed]:
    """Commit the exchanges in one transaction and return one result per record, in order.

    `uncertain`: a failed earlier attempt may have been committed (the connection broke during the commit); records with
    a stored request id are then skipped. Raises Django's database errors.
    """
    prices = loaded.snapshot()
    with hot_transaction() as cursor:
        already = _stored(cursor, [record.usage.request_id for record in records]) if uncertain else {}
        fresh = [record for record in records if record.usage.request_id not in already]
        batch = _Batch(cursor, fresh, prices)
        written = iter(batch.write())
        committed = [already.get(record.usage.request_id) or next(written) for record in records]
    batch.settlement.finish()
    for record in records if already else ():
        if record.reservation is not None and not record.reservation.ended:
            record.reservation.end()
    return committed


def write_records(records: Sequence[ExchangeRecord]) -> None:
    """Write exchanges in the caller's transaction."""
    with hot_cursor(pipeline=True) as cursor:
        batch = _Batch(cursor, records, loaded.snapshot())
        batch.write()
    transaction.on_commit(batch.settlement.finish)


class _Batch:
    """The rows of one transaction, collected exchange by exchange."""

    def __init__(self, cursor: Cursor, records: Sequence[ExchangeRecord], prices: Catalogue) -> None:
        self._cursor = cursor
        self._records = records
        self._prices = prices
        self._sessions = SessionHeads(cursor, records)
        self._places: dict[NodeKey | None, Place] = self._sessions.places()
        self._place(set[NodeKey | None]().union(*map(_nodes_of, records)))
        self._new_ids = new_ids()
        self._messages: dict[tuple[NodeKey, str, str], Row] = {}
        self._tool_calls: dict[tuple[int, str], Row] = {}
        self._upstream_requests: dict[str, Row] = {}
        self._usage: list[tuple[Row, ActiveSession | None]] = []
        self._states: list[Pending] = []
        local = prices.access.local
        self._totals = Totals(local.project_id if local is not None else 0)
        self.settlement = Settlement(prices.access.budgets)

    def write(self) -> list[Committed]:
        """Collect all rows, insert them, and return the result of each record."""
        committed = [self._add(record) for record in self._records]
        INSERT_MESSAGES.run(self._cursor, [self._messages[key] for key in sorted(self._messages)])
        INSERT_TOOL_CALLS.run(self._cursor, [self._tool_calls[key] for key in sorted(self._tool_calls)])
        INSERT_UPSTREAM_REQUESTS.run(
            self._cursor, [self._upstream_requests[key] for key in sorted(self._upstream_requests)]
        )
        self._sessions.save()
        for row, session in self._usage:
            row[_SESSION] = None if session is None else session.id
        INSERT_USAGE.run(self._cursor, [row for row, _ in self._usage])
        if self._states:
            write_states(self._cursor, self._states)
        write_signatures(self._cursor, self._records)
        key_uses.write(self._cursor)
        self._totals.upsert(self._cursor)
        self.settlement.write(self._cursor)
        return committed

    def _add(self, record: ExchangeRecord) -> Committed:
        messages, renamed, skipped = self._rehung(record)
        self._add_messages(messages, record.usage, renamed)
        if (state := record.state) is not None:
            named = {key: self._id(key, renamed) for key in (state.message, state.answer) if key is not None}
            self._states.append((state, named))
        update = record.session
        session = None if update is None else self._sessions.session(update)
        if update is not None and session is not None:
            head = None if update.new_head is None else renamed.get(update.new_head, update.new_head)
            # A head without a place was erased meanwhile; an unchanged head does not move.
            if head is not None and head != update.expected_head and head in self._places:
                session.head, session.place = head, self._places[head]
                session.message_count = session.place.depth + 1
            session.last_active_at = max(session.last_active_at, update.now)
        row = self._usage_row(record, renamed, skipped)
        self._usage.append((row, session))
        committed = Committed(rebased=bool(renamed), cost_nano=row[_COST])
        if session is not None:
            committed.session, committed.head = session.public_id, session.head
        elif (answer := record.usage.answer) is not None:
            committed.head = renamed.get(answer, answer)
        return committed

    def _place(self, keys: set[NodeKey | None]) -> None:
        """Read the places of the stored nodes among `keys`."""
        for key, place in read_places(self._cursor, keys - self._places.keys()).items():
            self._places[key] = place

    def _id(self, key: NodeKey | None, renamed: Mapping[NodeKey, NodeKey]) -> NodeId | None:
        """Return a node's id; None for an erased node."""
        place = self._places.get(key if key is None else renamed.get(key, key))
        return None if place is None else place.id

    def _ids(self, keys: Sequence[NodeKey], renamed: Mapping[NodeKey, NodeKey]) -> list[str]:
        """Return the ids of the stored nodes among `keys`, for a JSON column."""
        return [found for key in keys if (found := self._id(key, renamed)) is not None]

    def _rehung(self, record: ExchangeRecord) -> tuple[Sequence[NewMessage], dict[NodeKey, NodeKey], int]:
        """Return (messages, old key -> new key, number of ancestors that were not sent).

        Messages move to another parent if the head of their session has moved or their history was erased.
        """
        update = record.session
        outer = outer_parents(record.messages)
        moved: dict[NodeKey | None, NodeKey | None] = {parent: None for parent in outer if parent not in self._places}
        skipped = 0
        if update is not None and not update.follow:
            head = self._sessions.session(update).head
            if head != update.expected_head and update.expected_head in outer:
                moved[update.expected_head] = head
                before = self._places.get(update.expected_head, ROOT)
                skipped = max(self._places[head].depth - before.depth, 0)
        if not moved:
            return record.messages, {}, 0
        messages, renamed = rehang(record.usage.owner_id, record.messages, moved)
        self._place({message.key for message in messages})
        return messages, renamed, skipped

    def _add_messages(self, messages: Sequence[NewMessage], usage: UsageRow, renamed: dict[NodeKey, NodeKey]) -> None:
        finished_at = usage.started_at + timedelta(milliseconds=usage.latency_ms)
        answers = {renamed.get(key, key) for key in (usage.answer, *usage.more_answers) if key is not None}
        for message in messages:
            above = self._places[message.parent]
            place = self._places.get(message.key)
            if place is None:
                own = next(self._new_ids)
                instructions = own if message.role in INSTRUCTION_ROLES else above.instructions
                place = self._places[message.key] = Place(own, above.depth + 1, instructions)
            key = (message.key, message.model, message.account)
            if key not in self._messages or message.gemini:
                self._messages[key] = [
                    place.id,
                    message.key,
                    usage.owner_id,
                    above.id,
                    place.depth,
                    message.role,
                    message.openai,
                    message.gemini,
                    message.model,
                    message.account,
                    message.tokens,
                    place.instructions,
                    finished_at if message.key in answers else usage.started_at,
                ]
            for position, call_id in enumerate(map(stored_call_id, message.call_ids)):
                row = [usage.owner_id, call_id, place.id, position]
                self._tool_calls.setdefault((usage.owner_id, call_id), row)

    def _usage_row(self, record: ExchangeRecord, renamed: dict[NodeKey, NodeKey], skipped: int) -> Row:
        """Return the table row of a usage record; the session's id is added later."""
        usage = record.usage
        sent_as = None
        if record.upstream_request is not None:
            sent_as, body = record.upstream_request
            self._upstream_requests[sent_as] = [sent_as, body]
        cost_nano, prices, sums = charge(usage, self._prices)
        row: Row = [
            *_read_given(usage),
            cost_nano,
            prices,
            self._id(usage.message, renamed),
            self._id(usage.answer, renamed),
            self._ids(usage.more_answers, renamed),
            self._ids(usage.systems, renamed),
            sent_as,
            None,
        ]
        if skipped and usage.placement:
            # The placement counts from the request's last message upwards: mark the messages in between as not sent.
            own = sum(message.key not in {usage.answer, *usage.more_answers} for message in record.messages)
            sent = len(usage.placement) - own
            row[_PLACEMENT] = [*usage.placement[:sent], *[OMITTED] * skipped, *usage.placement[sent:]]
        self._totals.add(_totals_of(row), sums)
        self.settlement.add(usage, row[_COST], record.reservation)
        return row


def _nodes_of(record: ExchangeRecord) -> set[NodeKey | None]:
    """Return the keys of all nodes in a record."""
    usage, state, session = record.usage, record.state, record.session
    nodes = {usage.message, usage.answer, *usage.more_answers, *usage.systems}
    for message in record.messages:
        nodes.add(message.key)
        nodes.add(message.parent)
    if session is not None:
        nodes.add(session.new_head)
    if state is not None:
        nodes.update((state.message, state.answer))
    return nodes


def _stored(cursor: Cursor, request_ids: Iterable[str]) -> dict[str, Committed]:
    """Return the results of exchanges that are recorded already."""
    found = cursor.rows(_STORED.format(among=within("usage.request_id")), [from_texts(request_ids)])
    return {
        request_id: Committed(session=public_id, head=head or answer, cost_nano=cost)
        for request_id, answer, public_id, head, cost in found
    }
