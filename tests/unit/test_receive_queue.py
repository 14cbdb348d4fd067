"""The queue between the server and one application."""

import asyncio

import pytest

from gemini_gateway.server.daphne_fast.receive_queue import ReceiveQueue


async def test_messages_are_received_in_order() -> None:
    inbox = ReceiveQueue()
    inbox.put_nowait({"type": "one"})
    inbox.put_nowait({"type": "two"})
    assert [(await inbox.get())["type"], (await inbox.get())["type"]] == ["one", "two"]

    waiting = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait({"type": "three"})
    assert await waiting == {"type": "three"}


async def test_a_cancelled_receiver_loses_no_message() -> None:
    inbox = ReceiveQueue()
    waiting = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    inbox.put_nowait({"type": "one"})
    assert await inbox.get() == {"type": "one"}
