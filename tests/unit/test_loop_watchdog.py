"""The watchdog of the event loop: the log line about a blocked loop, and no log line otherwise."""

import asyncio
import logging
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gemini_gateway.server.loop_watchdog import LoopWatchdog, running

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 0.05


def code_at(file: Path | str) -> Callable[[float], None]:
    """Return a function `translate_all` on line 3 of a file that blocks for `seconds`, with a local value."""
    source = "\n\ndef translate_all(seconds):\n    secret = 'a value'\n    end = clock() + seconds\n"
    source += "    while clock() < end:\n        pass\n    return secret\n"
    code = compile(source, str(file), "exec")
    names: dict[str, object] = {"clock": time.monotonic}
    exec(code, names)  # noqa: S102 - a function that says of itself that it stands in another file
    found = names["translate_all"]
    assert callable(found)
    return found


OURS = code_at(ROOT / "api" / "translate" / "made_up.py")
LIBRARY = code_at("/usr/lib/python3/site-packages/library/made_up.py")


@pytest.fixture
async def watchdog() -> AsyncIterator[LoopWatchdog]:
    """A watchdog of the test's loop."""
    watchdog = LoopWatchdog()
    watchdog.start(LIMIT)
    yield watchdog
    watchdog.stop()


@pytest.fixture(autouse=True)
def warnings(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, logger="gemini_gateway.server.loop_watchdog")
    return caplog


async def block(work: Callable[[float], None], seconds: float = 6 * LIMIT) -> None:
    """Block the loop, then let it run again."""
    work(seconds)
    await asyncio.sleep(2 * LIMIT)


async def test_the_log_line_names_the_blocking_code_and_no_value(
    watchdog: LoopWatchdog, warnings: pytest.LogCaptureFixture
) -> None:
    await block(OURS)
    (line,) = warnings.messages
    assert re.fullmatch(r"The event loop was blocked for \d+ ms by api/translate/made_up\.py:\d translate_all", line)
    assert watchdog.blocked == 1


async def test_code_of_a_library_is_not_named(watchdog: LoopWatchdog, warnings: pytest.LogCaptureFixture) -> None:
    await block(LIBRARY)
    (line,) = warnings.messages
    assert line.endswith("by library code")


async def test_a_block_is_reported_once_and_further_blocks_are_counted(
    watchdog: LoopWatchdog, warnings: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await block(OURS)
    assert (watchdog.blocked, len(warnings.messages)) == (3, 1)

    monkeypatch.setattr("gemini_gateway.server.loop_watchdog.QUIET_SECONDS", 0.0)
    await block(OURS)
    assert watchdog.blocked == 4
    assert warnings.messages[1].endswith("translate_all (2 more times since the last warning)")


async def test_a_loop_that_runs_or_waits_is_not_reported(
    watchdog: LoopWatchdog, warnings: pytest.LogCaptureFixture
) -> None:
    await asyncio.sleep(4 * LIMIT)
    for _ in range(20):
        OURS(LIMIT / 10)
        await asyncio.sleep(0)
    assert (watchdog.blocked, warnings.messages) == (0, [])


async def test_a_stopped_watchdog_reports_no_block(watchdog: LoopWatchdog, warnings: pytest.LogCaptureFixture) -> None:
    watchdog.stop()
    await block(OURS)
    assert (watchdog.blocked, warnings.messages) == (0, [])


def test_a_loop_that_waits_for_events_has_no_running_code() -> None:
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    loop.call_soon(ready.set)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ready.wait()
    seen: list[str | None] = []
    while None not in seen and len(seen) < 1000:
        time.sleep(0.001)
        seen.append(running(sys._current_frames().get(thread.ident or 0)))
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert None in seen
