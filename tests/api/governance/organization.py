"""OpenAI's admin client against the live gateway, and the strict validation of its responses by its own types."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from openai import OpenAI
from pydantic import TypeAdapter

from tests.live_gateway import LiveGateway

Answer = TypeVar("Answer")


class Clients(ExitStack):
    """OpenAI's clients of one gateway, without retries; all are closed at the end of the block."""

    def __init__(self, gateway: LiveGateway) -> None:
        super().__init__()
        self._base_url = gateway.base_url

    def client(self, key: str) -> OpenAI:
        """Return a client with a client key."""
        return self.enter_context(OpenAI(base_url=self._base_url, api_key=key, max_retries=0))

    def admin(self, key: str) -> OpenAI:
        """Return a client with an admin key."""
        return self.enter_context(OpenAI(base_url=self._base_url, api_key="none", admin_api_key=key, max_retries=0))


def strictly(method: Callable[..., Answer], *args: Any, **options: Any) -> Answer:
    """Call a method of the SDK, and validate the response by the method's type: the SDK itself checks no types."""
    raw = getattr(method.__self__.with_raw_response, method.__name__)(*args, **options)  # type: ignore[attr-defined]
    assert raw.headers["cache-control"] == "no-store"
    parsed: Answer = raw.parse()
    TypeAdapter(type(parsed)).validate_json(raw.text, strict=True)
    return parsed
