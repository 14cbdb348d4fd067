"""Stored responses: retrieve, list input items, cancel, delete. The 404 is the same for a missing response and for one
of another principal.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from api.errors import InvalidRequestError, NotFoundError
from api.exchange.responses.background import Jobs
from api.openai.conversations.objects import ListPage, list_page
from api.openai.shared.list_query import ListQuery
from api.services import Services
from sessions_store.state.orphaned_responses import fail_response
from sessions_store.state.responses import (
    FoundResponse,
    delete_response,
    end_response,
    find_response,
    read_inputs,
    read_response,
)

Item = Mapping[str, Any]


def response_not_found(public_id: str) -> NotFoundError:
    """Return the 404 of a response."""
    return NotFoundError(f"Response with id '{public_id[:100]}' not found.", param="response_id")


async def retrieve(services: Services, principal_id: int, public_id: str) -> dict[str, Any]:
    """Return the response in its current state; raises NotFoundError."""
    read = await services.store.read(read_response, principal_id, public_id)
    if read is None:
        raise response_not_found(public_id)
    found, output = read
    if is_lost(found):
        found = await fail(services, principal_id, found)
    return {**found.body, "output": output}


async def find(services: Services, principal_id: int, public_id: str) -> FoundResponse:
    """Return a response without its items; raises NotFoundError."""
    found = await services.store.read(find_response, principal_id, public_id)
    if found is None:
        raise response_not_found(public_id)
    return await fail(services, principal_id, found) if is_lost(found) else found


def is_lost(found: FoundResponse) -> bool:
    """Whether the worker that ran the response has died."""
    return found.lost(datetime.now(UTC), timedelta(seconds=settings.BACKGROUND_LEASE_SECONDS))


async def fail(services: Services, principal_id: int, found: FoundResponse) -> FoundResponse:
    """Mark a response failed because its worker has died; its usage is recorded as an estimate."""
    await services.store.write(fail_response, principal_id, found.public_id, datetime.now(UTC))
    ended = await services.store.read(find_response, principal_id, found.public_id)
    if ended is None:
        raise response_not_found(found.public_id)
    return ended


async def cancel(services: Services, jobs: Jobs, principal_id: int, public_id: str) -> dict[str, Any]:
    """Cancel a background response, in whatever worker it runs, and return it; a response that has ended is unchanged.

    Raises NotFoundError, and InvalidRequestError for a response that does not run in the background.
    """
    found = await find(services, principal_id, public_id)
    if not found.background:
        raise InvalidRequestError("Cannot cancel a synchronous response.")
    if found.active:
        await services.store.write(end_response, principal_id, public_id, "cancelled", {}, datetime.now(UTC))
        jobs.cancel(public_id)
    return await retrieve(services, principal_id, public_id)


async def delete(services: Services, jobs: Jobs, principal_id: int, public_id: str) -> None:
    """Delete a response; a running one is cancelled. Raises NotFoundError."""
    if not await services.store.write(delete_response, principal_id, public_id):
        raise response_not_found(public_id)
    jobs.cancel(public_id)


async def list_inputs(services: Services, principal_id: int, public_id: str, query: ListQuery) -> ListPage:
    """Return a page of a response's own input items. Raises NotFoundError, and InvalidRequestError for an unknown
    `after`.
    """
    items = await services.store.read(read_inputs, principal_id, public_id)
    if items is None:
        raise response_not_found(public_id)
    return page_of(items if query.order == "asc" else items[::-1], query)


def page_of(items: Sequence[Item], query: ListQuery) -> ListPage:
    """Return the page of `items` (already in the order of `query`) that `query` selects."""
    start = 0
    if query.after is not None:
        start = next((number for number, item in enumerate(items, 1) if item["id"] == query.after), -1)
        if start < 0:
            raise unknown_after(query.after)
    return list_page(items[start : start + query.limit], has_more=len(items) > start + query.limit)


def unknown_after(after: str) -> InvalidRequestError:
    """Return the error for a page whose `after` is no object of the list."""
    return InvalidRequestError(
        f"Invalid value for 'after': no object with id '{after[:100]}'.", param="after", code="invalid_value"
    )
