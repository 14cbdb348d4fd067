"""Fixtures of the API tests."""

import pytest

from tests.exchanges import fresh


@pytest.fixture
def user() -> str:
    """The name of a new user."""
    return fresh("user")
