"""Fixtures of the store tests on an event loop."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sessions_store.writing.store import Store
from tests.unit.store.exchanges import new_principal


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder: `.ci/run` runs them in its second half."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.store)


@pytest.fixture
def principal_id(live_db: None) -> int:
    """A principal of this test only, in the database that other threads read."""
    return new_principal()


@pytest_asyncio.fixture
async def store() -> AsyncIterator[Store]:
    """The store on the test's event loop."""
    opened = Store(timeout=20)
    yield opened
    await opened.close()
