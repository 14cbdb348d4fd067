"""`manage.py serve` and `runserver` as processes: output, rejected settings, child processes, cleanup."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from tests.live_gateway import SERVE, UVICORN
from tests.server_process import ROOT, ServerProcess

READY = r"OpenAI API +http://127\.0\.0\.1:(\d+)/v1"
Start = Callable[..., ServerProcess]

pytestmark = pytest.mark.serve


@pytest.fixture
def environment(django_db_setup: None) -> dict[str, str]:
    """The environment of a server without a key: the emulator responds."""
    return {"GEMINI_API_KEY": "", "GEMINI_BASE_URL": "", "DRAIN_SECONDS": "3"}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Start servers; the fixture stops the servers after the test."""
    with ExitStack() as stack:
        yield lambda *command, **more: stack.enter_context(
            ServerProcess(command or SERVE, ready=READY, environment={**environment, **more})
        )


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def chat(origin: str) -> tuple[dict[str, object], str]:
    """Send one chat request; return the text and the upstream of the response."""
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": "Hello!"}]}
    response = httpx2.post(f"{origin}/v1/chat/completions", json=body, timeout=30)
    return response.json(), response.headers.get("x-gateway-upstream", "")


def alive(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def emulator_pid(server: ServerProcess) -> int:
    """Return the process id of a server's emulator, found by the logged address."""
    address = server.wait_for(r"http://127\.0\.0\.1:\d+\"?", 5)[0]
    assert address
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    found = [int(pid) for pid in children if b"emulator" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(found) == 1, children
    return found[0]


def test_without_a_key_the_emulator_responds_and_all_outputs_name_it(start: Start) -> None:
    server = start()

    response, upstream = chat(server.origin)

    assert response["object"] == "chat.completion"
    assert upstream == "emulator"
    assert "Built-in emulator" in server.log
    assert "emulator" in httpx2.get(server.origin).text


def test_the_terminal_shows_a_link_that_creates_the_first_operator(start: Start) -> None:
    server = start()

    link = server.wait_for(r"http://127\.0\.0\.1:\d+/setup/[0-9a-f]+")[0]

    assert "Create account" in httpx2.get(link).text


def test_sigterm_ends_server_and_emulator(start: Start) -> None:
    server = start()
    child = emulator_pid(server)

    server.terminate()

    assert server.wait(10) == 0
    assert not alive(child)


def test_a_killed_server_leaves_no_emulator_behind(start: Start) -> None:
    server = start()
    child = os.pidfd_open(emulator_pid(server))
    try:
        server.process.kill()
        server.wait()
        # A pidfd becomes readable when its process ends.
        import select

        readable, _, _ = select.select([child], [], [], 10)
        assert readable
    finally:
        os.close(child)


def test_a_draining_server_is_not_ready(start: Start) -> None:
    server = start()
    with httpx2.Client(base_url=server.origin) as client:
        assert client.get("/readyz").status_code == 200
    server.terminate()
    server.wait()

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{server.origin}/readyz")


def test_serve_rejects_a_public_address(environment: dict[str, str]) -> None:
    for command in (("serve",), ("runserver", "--noreload")):
        done = run(sys.executable, "manage.py", *command, **environment, HOST="0.0.0.0", PORT="0")  # noqa: S104

        assert done.returncode == 1
        assert "ALLOW_INSECURE_KEYLESS" in done.stderr


def test_serve_listens_on_a_public_address_when_allowed(start: Start) -> None:
    server = ServerProcess(
        (*SERVE, "--host", "0.0.0.0"),  # noqa: S104
        ready=r"OpenAI API +http://localhost:(\d+)/v1",
        environment={"GEMINI_API_KEY": "", "ALLOW_INSECURE_KEYLESS": "1"},
    )
    with server:
        assert "anyone who can reach this machine" in server.wait_for(r"Listening on 0.*")[0]


def test_serve_reports_an_unmigrated_database(environment: dict[str, str], tmp_path: Path) -> None:
    done = run(*SERVE, **environment, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")

    assert done.returncode == 1
    assert "migrate" in done.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"DATA_DIR": "/dev/null/data"}, "gateway.E005"),
        ({"DATABASE_URL": "postgres://127.0.0.1:1/none"}, "DATABASE_URL"),
    ],
    ids=["a data directory that cannot be", "a database that does not answer"],
)
def test_the_first_command_reports_an_unwritable_data_directory(
    environment: dict[str, str], setting: dict[str, str], said: str
) -> None:
    done = run(sys.executable, "manage.py", "migrate", **{**environment, "DATABASE_URL": "", **setting})

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("serve",), ("runserver",), ("runserver", "--noreload")], ids=" ".join)
def test_serve_reports_a_port_in_use(start: Start, environment: dict[str, str], command: tuple[str, ...]) -> None:
    server = start()

    done = run(sys.executable, "manage.py", *command, **environment, PORT=str(server.port))

    assert done.returncode == 1
    assert "PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_invalid_setting_prevents_the_start(environment: dict[str, str]) -> None:
    done = run(*SERVE, **environment, MAX_BODY_BYTES="plenty")

    assert done.returncode == 1
    assert "gateway.E001" in done.stderr
    assert "MAX_BODY_BYTES" in done.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"MAX_BODY_BYTES": "plenty"}, "gateway.E001: The setting MAX_BODY_BYTES"),
        ({"DATABASE_URL": "mysql://me:secret@db/gateway"}, "gateway.E001: The setting DATABASE_URL"),
        ({}, "gateway.E014: No Gemini key is set"),
    ],
    ids=["a bad number", "a database that is none", "nobody to ask"],
)
def test_uvicorn_does_not_start_with_settings_that_serve_rejects(
    environment: dict[str, str], setting: dict[str, str], said: str
) -> None:
    done = run(*UVICORN, "3", **environment, **setting)

    assert done.returncode == 3  # uvicorn's exit status for an application that does not start
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [SERVE, (*UVICORN, "3")], ids=["serve", "uvicorn"])
def test_no_server_starts_before_the_migrations_are_applied(tmp_path: Path, command: tuple[str, ...]) -> None:
    database = f"sqlite:///{tmp_path}/new.sqlite3"

    done = run(*command, GEMINI_API_KEY="AIza-a-key-for-tests-only-000000", DATABASE_URL=database)

    assert done.returncode != 0
    assert "migrations are not applied. Run: python manage.py migrate" in done.stderr
    assert "Traceback" not in done.stderr


def touch_until_noticed(server: ServerProcess, path: Path) -> None:
    """Wait for the reloader: it checks the files once a second, and its first check only stores their times."""
    for _ in range(10):
        os.utime(path)
        with suppress(AssertionError):
            server.wait_for(re.escape(str(path)) + r" changed, reloading", 1.5)
            return
    raise AssertionError(server.log)


def test_runserver_serves_and_restarts_when_the_code_changes(start: Start) -> None:
    server = start(sys.executable, "manage.py", "runserver", "0", PORT="0")
    assert chat(server.origin)[1] == "emulator"
    child = emulator_pid(server)

    touch_until_noticed(server, ROOT / "api" / "notes.py")
    server.wait_for(rf"(?s)changed, reloading.*{READY}", 30)

    assert alive(child)  # one emulator for all reloads
    server.process.send_signal(signal.SIGINT)
    server.wait()
    assert not alive(child)
