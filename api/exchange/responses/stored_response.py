"""The stored response, committed with the record of its exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from api.exchange.accounting import Accounting
from api.exchange.generation import Generation
from api.exchange.outcome import Outcome
from api.exchange.responses.event_log import EventLog
from api.exchange.responses.items import output_items, stored_items
from api.translate.candidates.empty_response import is_no_answer
from api.translate.responses.accumulator import ResponseAccumulator
from sessions_store.transcript.canonical import NodeKey
from sessions_store.writing.state_records import ConversationVersion, ResponseState

ENDINGS = frozenset({"completed", "incomplete"})


@dataclass(slots=True, kw_only=True)
class StoredResponseBuilder:
    """Builds one stored response. `stored` is `store`; without it only the conversation gets the items.

    `items` are the request's own, `after` names their predecessor (see `stored_items`). They are encoded only when they
    are stored, because an item with an image is as large as the request. `log` is set for a background response, which
    is stored before it ends.
    """

    principal_id: int
    accumulator: ResponseAccumulator
    model: str
    user: str
    stored: bool
    items: Sequence[Mapping[str, Any]]
    after: str
    previous_id: str
    conversation: ConversationVersion | None
    settings: str
    log: EventLog | None = None

    def build(
        self, generation: Generation, outcome: Outcome, nodes: tuple[NodeKey | None, list[NodeKey]]
    ) -> ResponseState | None:
        """See `StateBuilder`. A response that failed before its client received any of it is not stored."""
        accounting, error = generation.accounting, outcome.error
        ended = self.accumulator.status in ENDINGS
        # A plain response has reached the client only if its failure is the response.
        visible = accounting.first_byte is not None and (
            accounting.stream or (error is not None and is_no_answer(error))
        )
        if not ended and not (self.stored and (self.log is not None or visible)):
            return None
        if not self.stored and self.conversation is None:
            return None
        leaf, answers = nodes
        # A response without output continues from the request: it only compacted.
        return self._response_state(accounting, leaf, answers[0] if answers else leaf if ended else None)

    def beginning(self, accounting: Accounting, worker: str) -> ResponseState:
        """Return the stored form of a background response that is about to start."""
        return self._response_state(accounting, None, None, worker=worker)

    def _response_state(
        self, accounting: Accounting, leaf: NodeKey | None, answer: NodeKey | None, *, worker: str = ""
    ) -> ResponseState:
        response: dict[str, Any] = dict(self.accumulator.response())
        if worker:
            response["status"] = "queued"
        output = response.pop("output")
        active = response["status"] in ("queued", "in_progress")
        return ResponseState(
            public_id=self.accumulator.id,
            principal_id=self.principal_id,
            request_id=accounting.request_id,
            status=response["status"],
            model=self.model,
            user=self.user,
            body=orjson.dumps(response).decode(),
            created_at=accounting.started_at,
            completed_at=None if active else datetime.now(UTC),
            previous_id=self.previous_id,
            conversation=self.conversation,
            background=self.log is not None,
            running=self.log is not None and not worker,
            stored=self.stored,
            message=leaf,
            answer=answer,
            inputs=stored_items(self.principal_id, self.items, after=self.after),
            outputs=output_items(self.principal_id, output),
            settings=self.settings,
            worker=worker,
            events=self.log.unstored(self.accumulator.ending) if self.log is not None and not worker else None,
        )
