"""The stored chat completion (`store: true`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from api.exchange.generation import Generation
from api.exchange.outcome import OK, Outcome
from sessions_store.transcript.canonical import NodeKey
from sessions_store.writing.state_records import CompletionState, message_item


@dataclass(frozen=True, slots=True)
class StoredCompletionBuilder:
    """Builds one stored chat completion, committed with its exchange. `model` is the public model, `messages` are the
    request's messages as the client sent them.
    """

    model: str
    messages: Sequence[Mapping[str, Any]]

    def build(
        self, generation: Generation, outcome: Outcome, nodes: tuple[NodeKey | None, list[NodeKey]]
    ) -> CompletionState | None:
        """See `StateBuilder`. Only a response that succeeded is stored, streamed or not."""
        if outcome.status is not OK:
            return None
        leaf, answers = nodes
        accounting, completion = generation.accounting, generation.accumulator.completion()
        return CompletionState(
            public_id=completion["id"],
            principal_id=accounting.caller.owner_id,
            request_id=accounting.request_id,
            model=self.model,
            user=accounting.user,
            metadata=accounting.metadata,
            body=orjson.dumps(completion).decode(),
            created_at=accounting.started_at,
            message=leaf,
            answer=answers[0] if answers else None,
            message_count=len(generation.branches[0].context.messages),
            inputs=tuple(message_item(accounting.caller.owner_id, message) for message in self.messages),
        )
