"""The clients of this folder, their installation by `make test-clients`, and the reasons for skipped clients.

The clients have several environments, because some clients require an older `openai`.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import pytest

from tests.server_process import ROOT

ENVIRONMENTS = Path(os.environ.get("TEST_CLIENTS_DIR", ROOT / ".venv-clients"))
NODE = ROOT / "tests" / "clients" / "node"
PROGRAMS = "tests.clients.programs"

# Required by openai 7 and the AI SDK 7.
OLDEST_NODE: Final = 22

Home = Literal["openai3", "openai2", "node"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client program: `package` must be installed in `home`, `program` is started, `also` lists tasks beyond those of
    every client.
    """

    name: str
    home: Home
    package: str
    program: tuple[str, ...]
    also: frozenset[str] = frozenset()

    @property
    def command(self) -> Sequence[str]:
        """The command of the program."""
        if self.home == "node":
            return (str(node()), *self.program)
        return (str(python_of(self.home)), "-m", f"{PROGRAMS}.{self.program[0]}", *self.program[1:])

    @property
    def cwd(self) -> Path:
        """The working directory of the program."""
        return NODE if self.home == "node" else ROOT

    def skip_if_absent(self) -> None:
        """Skip the test if this client cannot run."""
        skip_unless_asked()
        if self.home == "node":
            version = node_version(node())
            if version < OLDEST_NODE:
                found = f"the newest here is {version}" if version else "none is here"
                pytest.skip(f"{self.package} needs Node {OLDEST_NODE} and {found}: make test-clients installs one")
            absent = not (NODE / "node_modules" / self.package).is_dir()
        else:
            absent = not has_package(self.home, self.package)
        if absent:
            pytest.skip(f"{self.package} is not installed: make test-clients does it")


def skip_unless_asked() -> None:
    """Skip outside of `make test-clients`, because the client tests are slow."""
    if not os.environ.get("TEST_CLIENTS"):
        pytest.skip("real clients run with make test-clients")


def node() -> Path:
    """Return the Node that npm installed beside the clients, else the machine's."""
    installed = NODE / "node_modules" / ".bin" / "node"
    return installed if node_version(installed) else Path(shutil.which("node") or installed)


@cache
def node_version(program: Path) -> int:
    """Return the major version of a Node; 0 without a valid version."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", said)
    return int(found[1]) if found else 0


def python_of(home: Home) -> Path:
    """Return the interpreter of one of the clients' environments."""
    return ENVIRONMENTS / home / "bin" / "python"


@cache
def has_package(home: Home, package: str) -> bool:
    """Return whether a distribution is installed in one of the clients' Python environments."""
    python = python_of(home)
    look = f"import importlib.metadata as m; m.version({package!r})"
    return python.exists() and subprocess.run([python, "-c", look], capture_output=True, check=False).returncode == 0


STREAM = "stream"
TOOLS = "tools"
STRUCTURED = "structured"
IMAGE = "image"
BY_ALL = frozenset({STREAM, TOOLS, STRUCTURED, IMAGE})
BY_TOOL = "structured_by_tool"
AGENT = "structured_agent"
AGENT_BY_TOOL = "structured_agent_by_tool"
REPAIRED = "repaired"
STREAMED = "tools_streamed"
CHAINED = "chained"
CONVERSATION = "conversation"
SESSION = "session"
CLIENT_TOOLS = "client_tools"

CLIENTS = (
    Client(name="openai", home="openai3", package="openai", program=("with_openai",), also=frozenset({STREAMED})),
    Client(
        name="langchain",
        home="openai3",
        package="langchain-openai",
        program=("with_langchain",),
        also=frozenset({STREAMED, BY_TOOL, AGENT, AGENT_BY_TOOL}),
    ),
    Client(
        name="openai-agents",
        home="openai3",
        package="openai-agents",
        program=("with_openai_agents",),
        also=frozenset({STREAMED, AGENT}),
    ),
    Client(
        name="langchain-responses",
        home="openai3",
        package="langchain-openai",
        program=("with_langchain", "responses"),
        also=frozenset({STREAMED, BY_TOOL, AGENT, AGENT_BY_TOOL}),
    ),
    Client(
        name="openai-agents-responses",
        home="openai3",
        package="openai-agents",
        program=("with_openai_agents", "responses"),
        also=frozenset({STREAMED, AGENT, CHAINED, CONVERSATION, SESSION, CLIENT_TOOLS}),
    ),
    Client(
        name="pydantic-ai",
        home="openai3",
        package="pydantic-ai-slim",
        program=("with_pydantic_ai",),
        also=frozenset({STREAMED, BY_TOOL, AGENT, AGENT_BY_TOOL}),
    ),
    Client(
        name="pydantic-ai-responses",
        home="openai3",
        package="pydantic-ai-slim",
        program=("with_pydantic_ai", "responses"),
        also=frozenset({STREAMED, BY_TOOL, AGENT, AGENT_BY_TOOL}),
    ),
    Client(
        name="instructor",
        home="openai2",
        package="instructor",
        program=("with_instructor",),
        also=frozenset({BY_TOOL, REPAIRED}),
    ),
    Client(
        name="llama-index",
        home="openai2",
        package="llama-index-llms-openai-like",
        program=("with_llama_index",),
        also=frozenset({STREAMED}),
    ),
    Client(name="litellm", home="openai2", package="litellm", program=("with_litellm",), also=frozenset({STREAMED})),
    Client(name="openai-node", home="node", package="openai", program=("with_openai.mjs",), also=frozenset({STREAMED})),
    Client(
        name="ai-sdk-openai",
        home="node",
        package="@ai-sdk/openai",
        program=("with_ai_sdk.mjs", "openai"),
        also=frozenset({STREAMED, AGENT}),
    ),
    Client(
        name="ai-sdk-responses",
        home="node",
        package="@ai-sdk/openai",
        program=("with_ai_sdk.mjs", "responses"),
        also=frozenset({STREAMED, AGENT, CLIENT_TOOLS}),
    ),
    Client(
        name="ai-sdk-compatible",
        home="node",
        package="@ai-sdk/openai-compatible",
        program=("with_ai_sdk.mjs", "compatible"),
        also=frozenset({STREAMED, AGENT}),
    ),
)
