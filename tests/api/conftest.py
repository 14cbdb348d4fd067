"""What the tests of the API get."""

import pytest

from tests.exchanges import fresh


@pytest.fixture
def user() -> str:
    """A user whom nobody has met."""
    return fresh("user")
