"""The targets: the gateway under Daphne and uvicorn, the installed peers, and the upstream itself."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import processes
from benchmarks.databases import Database

PROJECT = Path(__file__).resolve().parent.parent
PEERS = Path(os.environ.get("BENCH_PEERS", Path(__file__).resolve().parent / ".peers"))
"""The folder of `make bench-peers`: virtual environments, and npm's `node_modules`."""
LITELLM = PEERS / "litellm" / "bin" / "litellm"
MLFLOW = PEERS / "mlflow" / "bin" / "mlflow"
PORTKEY = PEERS / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
# Of the form of a client key, with its checksum; it exists in the benchmark's databases only.
CLIENT_KEY = "sk-gw-benchmark0123456789ABCDEFGHIJKLM4BwHob"
LITELLM_KEY = "sk-benchmark-0123456789abcdef0123456789abcdef"
PATH = "/v1/chat/completions"


def free_port() -> int:
    """Return an unused port of loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without proxies (all traffic is loopback), with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"NO_PROXY": "127.0.0.1,localhost", **more}


def post(
    port: int, path: str, body: object, headers: Mapping[str, str] | None = None, timeout: float = 30.0
) -> tuple[int, bytes]:
    """Send one request outside the measurement; return its status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@dataclass(kw_only=True)
class Target:
    """A server with OpenAI's API on one core.

    `make_command` takes the port and returns the command. `ready_seconds` limits the start. `ends_with_done` is False
    for a server whose streams end without `data: [DONE]`.
    """

    name: str
    log: Path
    make_command: Callable[[int], Sequence[str]]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = PROJECT
    headers: dict[str, str] = field(default_factory=dict)
    model: str = "gemini-2.5-flash"
    core: int = processes.SERVER_CORE
    ready_seconds: float = 90.0
    ends_with_done: bool = True
    is_gateway: bool = False
    database: Database | None = None
    port: int = 0
    start_seconds: float = 0.0
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The root of the target's process tree."""
        if self.process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self.process.pid

    def start(self) -> None:
        """Start the server and wait for its first good chat completion; `start_seconds` is the time until then.

        Raises RuntimeError if the server ends or is not ready in time.
        """
        self.port = free_port()
        began = time.monotonic()
        self.process = processes.start(
            self.make_command(self.port),
            core=self.core,
            log=self.log,
            environment=environment(**self.environment, PORT=str(self.port)),
            folder=self.folder,
        )
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - began > self.ready_seconds:
                self.stop()
                raise RuntimeError(f"{self.name} did not start; see {self.log}")
            time.sleep(0.02)
        self.start_seconds = time.monotonic() - began

    def stop(self) -> None:
        """Stop the server if it runs."""
        if self.process is not None:
            processes.stop(self.process)
            self.process = None

    def _answers(self) -> bool:
        body = {"model": self.model, "messages": [{"role": "user", "content": "Hello"}]}
        try:
            status, _ = post(self.port, PATH, body, self.headers)
        except (OSError, http.client.HTTPException):
            return False
        return status == 200


def upstream(log: Path) -> Target:
    """Return the fake upstream, also the target "direct": the load generator without a server in between."""
    return Target(
        name="direct",
        log=log / "upstream.log",
        make_command=lambda port: [sys.executable, "-m", "benchmarks.upstream", str(port)],
        core=processes.CLIENT_CORE,
        ready_seconds=10,
    )


def uvicorn(application: str, port: int) -> list[str]:
    """Return the command that serves an ASGI application as in the README, without an access log."""
    options = ["--port", str(port), "--no-proxy-headers", "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", application, *options]


def gateway(server: str, *, database: Database, upstream_port: int, log: Path, label: str = "") -> Target:
    """Return the gateway with one worker on `database`, under "daphne" or "uvicorn", with all features."""
    name = f"gateway {server} {label or database.engine}"

    def command(port: int) -> Sequence[str]:
        """Return the command of this server; `serve` takes its port from the environment."""
        if server == "daphne":
            return [sys.executable, "manage.py", "serve"]
        return uvicorn("gemini_gateway.asgi:application", port)

    return Target(
        name=name,
        log=log / f"{name.replace(' ', '-')}.log",
        make_command=command,
        environment=gateway_environment(database, upstream_port),
        headers={"Authorization": f"Bearer {CLIENT_KEY}"},
        model="gpt-3.5-turbo",
        is_gateway=True,
        database=database,
    )


def gateway_environment(database: Database, upstream_port: int) -> dict[str, str]:
    """Return the gateway's settings: the defaults, except for paths, a limit above a thousand streams, and the log of
    requests, which the peers do not write either.
    """
    return {
        "ACCESS_LOG": "0",
        "HOST": "127.0.0.1",
        "ENV_FILE": str(database.folder / "no.env"),
        "DEBUG": "false",
        "DRAIN_SECONDS": "2",
        "DATA_DIR": str(database.folder),
        "DATABASE_URL": database.url,
        "GEMINI_API_KEY": "dummy",
        "GEMINI_BASE_URL": f"http://127.0.0.1:{upstream_port}",
        "MAX_IN_FLIGHT": "4096",
    }


def relay(upstream_port: int, *, log: Path) -> Target:
    """Return the relay, the minimum cost of a Python server in the gateway's place (`relay.py`)."""
    return Target(
        name="relay",
        log=log / "relay.log",
        make_command=lambda port: uvicorn("benchmarks.relay:application", port),
        environment={"GEMINI_BASE_URL": f"http://127.0.0.1:{upstream_port}"},
    )


def manage(target: Target, *arguments: str, **more: str) -> None:
    """Run a management command with a gateway's settings."""
    with target.log.open("ab") as log:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=environment(**target.environment, **more),
            cwd=PROJECT,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )


def litellm(upstream_port: int, *, log: Path) -> Target:
    """Return LiteLLM's proxy in its production mode: one worker, no database."""
    configuration = log / "litellm.json"  # JSON is YAML
    parameters = {
        "model": "gemini/gemini-2.5-flash",
        "api_base": f"http://127.0.0.1:{upstream_port}/v1beta",
        "api_key": "dummy",
    }
    models = [{"model_name": "gpt-3.5-turbo", "litellm_params": parameters}]
    settings = {"drop_params": True, "telemetry": False}
    configuration.write_text(json.dumps({"model_list": models, "litellm_settings": settings}))
    options = ["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"]
    return Target(
        name="litellm",
        log=log / "litellm.log",
        make_command=lambda port: [str(LITELLM), "--config", str(configuration), "--port", str(port), *options],
        environment={
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_MASTER_KEY": LITELLM_KEY,
        },
        folder=log,
        headers={"Authorization": f"Bearer {LITELLM_KEY}"},
        model="gpt-3.5-turbo",
    )


def portkey(upstream_port: int, *, log: Path) -> Target:
    """Return Portkey's gateway, which takes its upstream from headers and has no model names of its own."""
    return Target(
        name="portkey",
        log=log / "portkey.log",
        make_command=lambda port: ["node", str(PORTKEY), "--headless", f"--port={port}"],
        folder=log,
        headers={
            "Authorization": "Bearer dummy",
            "x-portkey-provider": "google",
            "x-portkey-custom-host": f"http://127.0.0.1:{upstream_port}/v1beta",
        },
        ends_with_done=False,
    )


def mlflow(upstream_port: int, *, log: Path) -> Target:
    """Return MLflow's gateway with one worker and its OpenAI provider: its Gemini provider accepts
    no other base URL.
    """
    configuration = log / "mlflow.json"  # JSON is YAML
    openai = {"openai_api_key": "dummy", "openai_api_base": f"http://127.0.0.1:{upstream_port}/v1"}
    model = {"provider": "openai", "name": "gpt-3.5-turbo", "config": openai}
    endpoint = {"name": "gpt-3.5-turbo", "endpoint_type": "llm/v1/chat", "model": model}
    configuration.write_text(json.dumps({"endpoints": [endpoint]}))
    start = [str(MLFLOW), "gateway", "start", "--config-path", str(configuration), "--workers", "1"]
    return Target(
        name="mlflow",
        log=log / "mlflow.log",
        make_command=lambda port: [*start, "--host", "127.0.0.1", "--port", str(port)],
        environment={"MLFLOW_DISABLE_TELEMETRY": "true"},
        folder=log,
        model="gpt-3.5-turbo",
        ends_with_done=False,
    )


def installed_peers(upstream_port: int, *, log: Path) -> list[Target]:
    """Return the peers that are installed on this machine."""
    found = []
    if LITELLM.exists():
        found.append(litellm(upstream_port, log=log))
    if MLFLOW.exists():
        found.append(mlflow(upstream_port, log=log))
    if PORTKEY.exists():
        found.append(portkey(upstream_port, log=log))
    return found
