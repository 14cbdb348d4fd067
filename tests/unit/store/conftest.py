"""What the tests of the store on an event loop share."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sessions_store.recording import Store
from tests.unit.store.exchanges import new_principal


@pytest.fixture
def principal_id(live_db: None) -> int:
    """A principal that no other test knows, in the database that other threads see."""
    return new_principal()


@pytest_asyncio.fixture
async def store() -> AsyncIterator[Store]:
    """The way from the test's event loop to the database."""
    opened = Store(patience=20)
    yield opened
    await opened.close()
