"""Clients with keys, for the tests of governance."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from openai import OpenAI

from tests.live_gateway import LiveGateway


@pytest.fixture
def sdk(gateway: LiveGateway) -> Iterator[Callable[[str], OpenAI]]:
    """Makes OpenAI's client of the live gateway with a key, without retries."""
    with ExitStack() as stack:
        yield lambda key: stack.enter_context(OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0))
