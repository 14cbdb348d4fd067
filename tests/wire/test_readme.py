"""The README's code, unchanged except for the port, with a live server."""

import re
import sys
from pathlib import Path

import httpx2
import pytest
from openai.types.chat import ChatCompletion

from tests.exchanges import fresh
from tests.issued_keys import Issued
from tests.live_gateway import UVICORN, LiveGateway
from tests.wire.test_seed_examples import GREETING, at, run

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")

# The differences of the tests' command: this interpreter's uvicorn, on a free port.
IN_TESTS = {sys.executable, "-m", "uvicorn", "--port", "0"}

CREATE_KEY = ".venv/bin/python manage.py create_key --name my-program\n"

pytestmark = pytest.mark.usefixtures("emulator", "live_db")


def blocks(language: str) -> list[str]:
    """Return the README's code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def curl(path: str) -> str:
    """Return the only example for a path."""
    [found] = [block for block in blocks("sh") if block.startswith("curl") and path in block]
    return found


def test_every_example_of_the_readme_is_tested() -> None:
    calls = {curl("/v1/chat/completions"), curl("/v1/sessions/"), CREATE_KEY}
    assert {block for block in blocks("sh") if "make run" not in block and "uvicorn" not in block} == calls
    assert set(re.findall(r"^```(\w+)", README, re.MULTILINE)) == {"sh", "python"}


def test_the_command_prints_a_key_that_the_gateway_accepts(gateway: LiveGateway, issued: Issued) -> None:
    key = run("sh", "-c", CREATE_KEY.replace(".venv/bin/python", sys.executable)).strip()

    with_key = httpx2.get(f"{gateway.base_url}/models", headers={"authorization": f"Bearer {key}"}, trust_env=False)
    without = httpx2.get(f"{gateway.base_url}/models", headers={"authorization": "Bearer dummy"}, trust_env=False)
    assert (with_key.status_code, without.status_code) == (200, 401)


def test_the_tests_start_uvicorn_like_the_readme() -> None:
    [command] = [block for block in blocks("sh") if "uvicorn" in block]
    key, *words, seconds = command.replace("\\\n", "").split()

    assert key.startswith("GEMINI_API_KEY=")
    assert seconds.isdigit()
    assert words == ["uvicorn", *(word for word in UVICORN if word not in IN_TESTS)]


def test_the_first_curl_example_returns_text(gateway: LiveGateway) -> None:
    completion = ChatCompletion.model_validate_json(run("sh", "-c", at(curl("/v1/chat/completions"), gateway)))

    text = completion.choices[0].message.content or ""
    assert text.startswith("[Gemini emulator] ")  # as the README says
    assert GREETING in text


def test_the_python_examples_run_as_one_program_and_erase_the_session(
    gateway: LiveGateway, http: httpx2.Client
) -> None:
    user = fresh("alice")
    program = at("\n".join(blocks("python")), gateway).replace('"alice"', f'"{user}"')

    printed = run(sys.executable, "-c", program)
    story, rest = printed.split("The end.", 1)
    assert "Once upon a time" in story
    assert GREETING in rest
    assert rest.count("Your name is Alice.") == 2  # with the session, and with the previous response

    [session] = [row for row in http.get("/v1/sessions").json()["data"] if row["user"] == user]
    assert session["messages"] == 4
    forgotten = run("sh", "-c", at(curl("/v1/sessions/"), gateway).replace("/alice", f"/{user}"))
    assert '"deleted":true' in forgotten
    assert user not in http.get("/v1/sessions").text
