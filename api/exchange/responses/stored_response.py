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
from api.translate.answers.empty_answer import is_no_answer
from api.translate.responses.answer import ResponsesAnswer
from sessions_store.transcript.canonical import Key
from sessions_store.writing.state_records import ConversationTurn, ResponseState

ENDINGS = frozenset({"completed", "incomplete"})


@dataclass(slots=True, kw_only=True)
class ResponseKeeper:
    """Builds one stored response. `kept` is `store`; without it only the conversation gets the items.

    `items` are the request's own, `after` names their predecessor (see `stored_items`). They are encoded only when they
    are stored, because an item with an image is as large as the request. `log` is set for a background response, which
    is stored before it ends.
    """

    principal_id: int
    answer: ResponsesAnswer
    model: str
    user: str
    kept: bool
    items: Sequence[Mapping[str, Any]]
    after: str
    previous_id: str
    conversation: ConversationTurn | None
    settings: str
    log: EventLog | None = None

    def state(
        self, generation: Generation, outcome: Outcome, nodes: tuple[Key | None, list[Key]]
    ) -> ResponseState | None:
        """See `Keeper`. A response that failed before its client received any of it is not stored."""
        accounting, error = generation.accounting, outcome.error
        ended = self.answer.status in ENDINGS
        # A plain response has reached the client only if its failure is the response.
        heard = accounting.first_byte is not None and (accounting.stream or (error is not None and is_no_answer(error)))
        if not ended and not (self.kept and (self.log is not None or heard)):
            return None
        if not self.kept and self.conversation is None:
            return None
        leaf, answers = nodes
        # A response without output continues from the request: it only compacted.
        return self._state(accounting, leaf, answers[0] if answers else leaf if ended else None)

    def beginning(self, accounting: Accounting, worker: str) -> ResponseState:
        """Return the stored form of a background response that is about to start."""
        return self._state(accounting, None, None, worker=worker)

    def _state(
        self, accounting: Accounting, leaf: Key | None, answer: Key | None, *, worker: str = ""
    ) -> ResponseState:
        response: dict[str, Any] = dict(self.answer.response())
        if worker:
            response["status"] = "queued"
        output = response.pop("output")
        active = response["status"] in ("queued", "in_progress")
        return ResponseState(
            public_id=self.answer.id,
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
            kept=self.kept,
            message=leaf,
            answer=answer,
            inputs=stored_items(self.principal_id, self.items, after=self.after),
            outputs=output_items(self.principal_id, output),
            settings=self.settings,
            worker=worker,
            events=self.log.unstored(self.answer.ending) if self.log is not None and not worker else None,
        )
