"""The record of an exchange of which only metadata are stored: tokens, cost, model, times, status."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from api.exchange.conversation.signature_seal import sealed_signatures
from api.openai.responses.parameters import RESPONSES_PARAMETERS
from api.openai.shared.parameters import CHAT_PARAMETERS, COMPLETION_PARAMETERS
from sessions_store.accounts.policy import Policy
from sessions_store.writing.records import ExchangeRecord, UsageRow

METADATA: Final = "metadata"
_NAMES: Final = frozenset(row.name for row in (*CHAT_PARAMETERS, *COMPLETION_PARAMETERS, *RESPONSES_PARAMETERS))


def permitted(record: ExchangeRecord, policy: Policy) -> ExchangeRecord:
    """Return the part of a record that a policy permits: the whole, or metadata with the sealed signatures of the
    tool calls.
    """
    if policy.content != METADATA:
        return record
    usage = record.usage
    answers = {usage.answer, *usage.more_answers}
    signatures = tuple(
        signature
        for message in record.messages
        if message.key in answers
        for signature in sealed_signatures(usage.owner_id, message)
    )
    return ExchangeRecord(usage=_metadata(usage), call_signatures=signatures)


def _metadata(usage: UsageRow) -> UsageRow:
    """Return a usage record without any text of the client, of the model or of Google's errors.

    A model name is kept if it was resolved: else it is any text of the client.
    """
    return replace(
        usage,
        user="",
        metadata={},
        upstream_error="",
        public_model=usage.public_model if usage.upstream_model else "",
        notes=_bare(usage.notes),
        message=None,
        answer=None,
        more_answers=(),
        systems=(),
        placement=(),
    )


def _bare(notes: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return notes without reasons, with the name of the parameter only: paths and reasons can quote the request."""
    heads = [(kind, param.partition(".")[0].partition("[")[0]) for kind, param, _ in notes]
    return [(kind, head if head in _NAMES else "", "") for kind, head in dict.fromkeys(heads)]
