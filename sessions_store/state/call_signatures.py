"""Sealed thought signatures of tool calls, for keys that store metadata only. A signature is kept for 24 hours."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sessions_store.database.cursors import Cursor
from sessions_store.database.sql import Insert, from_datetime
from sessions_store.models import CallSignature
from sessions_store.transcript.canonical import stored_call_id
from sessions_store.writing.records import ExchangeRecord

KEPT: Final = timedelta(hours=24)

INSERT_CALL_SIGNATURES: Final = Insert(
    CallSignature,
    "ON CONFLICT (principal_id, call_id) DO UPDATE SET sealed = excluded.sealed, model = excluded.model,"
    " account = excluded.account, created_at = excluded.created_at",
)
_DELETE_OLD: Final = "DELETE FROM sessions_store_callsignature WHERE created_at < %s"


class SealedSignature(NamedTuple):
    """An encrypted thought signature, with the model and the account that it is valid for."""

    sealed: bytes
    model: str
    account: str


def find_signatures(principal_id: int, call_ids: Sequence[str], now: datetime) -> Mapping[str, SealedSignature]:
    """Return the signatures of tool calls by call id, without those older than 24 hours."""
    names = {stored_call_id(call_id): call_id for call_id in call_ids}
    found = CallSignature.objects.filter(principal_id=principal_id, call_id__in=names, created_at__gte=now - KEPT)
    return {
        names[call_id]: SealedSignature(bytes(sealed), model, account)
        for call_id, sealed, model, account in found.values_list("call_id", "sealed", "model", "account")
    }


def write_signatures(cursor: Cursor, records: Sequence[ExchangeRecord]) -> None:
    """Write the signatures of exchanges in their transaction, and delete those older than 24 hours."""
    rows = {
        (record.usage.owner_id, stored_call_id(signature.call_id)): [
            record.usage.owner_id,
            stored_call_id(signature.call_id),
            signature.sealed,
            signature.model,
            signature.account,
            record.usage.started_at,
        ]
        for record in records
        for signature in record.call_signatures
    }
    if not rows:
        return
    columns = ("principal_id", "call_id", "sealed", "model", "account", "created_at")
    order = [columns.index(column) for column in INSERT_CALL_SIGNATURES.columns]
    INSERT_CALL_SIGNATURES.run(cursor, [[rows[key][place] for place in order] for key in sorted(rows)])
    cursor.execute(_DELETE_OLD, [from_datetime(datetime.now(UTC) - KEPT)])


def delete_old_signatures(now: datetime) -> int:
    """Delete the signatures older than 24 hours; return their number."""
    deleted, _ = CallSignature.objects.filter(created_at__lt=now - KEPT).delete()
    return deleted
