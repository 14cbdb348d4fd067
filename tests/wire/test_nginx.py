"""deploy/nginx.conf in front of a running gateway: admitted requests, and the headers that the gateway receives."""

import datetime
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from openai import OpenAI

from tests.emulator_control import Emulator
from tests.exchanges import chat_body
from tests.issued_keys import Issued
from tests.live_gateway import LiveGateway
from tests.server_process import ROOT
from tests.waiting import eventually

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NAME = "gateway.example.com"
PAGE = "https://chat.example.com"
FRAME = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    gzip on;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/gateway.conf;
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx is installed")


@pytest.fixture(scope="module")
def worker(django_db_setup: None, emulator_url: str) -> Iterator[LiveGateway]:
    """A gateway with the environment of docs/operations.md."""
    settings = {
        "REQUIRE_KEY": "1",
        "ALLOWED_HOSTS": NAME,
        "CSRF_TRUSTED_ORIGINS": f"https://{NAME}",
        "TRUSTED_PROXIES": "127.0.0.1",
        "TLS": "1",
        "CORS_ALLOWED_ORIGINS": PAGE,
    }
    with LiveGateway.start(upstream=emulator_url, settings=settings) as server:
        yield server


@pytest.fixture(scope="module")
def origin(worker: LiveGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx with deploy/nginx.conf, except for addresses and paths."""
    folder = tmp_path_factory.mktemp("nginx")
    write_certificate(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for ours, here in {
        "/etc/nginx/": f"{folder}/",
        "listen 443": f"listen 127.0.0.1:{port}",
        "127.0.0.1:8081": f"127.0.0.1:{worker.port}",
        "    server 127.0.0.1:8082 max_fails=0;\n": "",
        "allow 10.0.0.0/8": "allow 127.0.0.1",
    }.items():
        assert ours in text
        text = text.replace(ours, here)
    (folder / "gateway.conf").write_text(text)
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder))
    command = [str(NGINX), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: accepts(port))
        yield f"https://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def key(issued: Issued) -> str:
    """A client key of the gateway."""
    return issued.client_key()


@pytest.fixture
def through(origin: str) -> Iterator[httpx2.Client]:
    """A client of nginx under the gateway's public name, without a key."""
    headers = {"host": NAME}
    with httpx2.Client(base_url=origin, verify=False, trust_env=False, timeout=30, headers=headers) as client:
        yield client


def accepts(port: int) -> bool:
    """Return whether a server listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_certificate(folder: Path) -> None:
    """Create a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    (folder / "gateway.crt").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "gateway.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_a_client_with_a_key_gets_streamed_responses(through: httpx2.Client, emulator: Emulator, key: str) -> None:
    client = OpenAI(base_url=f"{through.base_url}/v1", api_key=key, http_client=through)

    chunks = list(
        client.chat.completions.create(model="gpt-4", stream=True, messages=[{"role": "user", "content": "Hello!"}])
    )

    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(emulator.received()) == 1


@pytest.mark.parametrize("given", ["", "Bearer another", "Bearer", "{}", "Bearer {}x"])
def test_a_request_without_a_key_is_rejected(through: httpx2.Client, emulator: Emulator, key: str, given: str) -> None:
    through.headers["authorization"] = given.format(key)

    response = through.post("/v1/chat/completions", json=chat_body())

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert emulator.received() == []


def test_a_gateway_that_requires_keys_is_closed_before_the_first_key(through: httpx2.Client) -> None:
    assert through.post("/v1/chat/completions", json=chat_body()).status_code == 401


def test_azures_address_and_key_are_accepted(through: httpx2.Client, key: str) -> None:
    path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"

    assert through.post(path, json=chat_body(), headers={"api-key": key}).status_code == 200
    assert through.post(path, json=chat_body(), headers={"api-key": "wrong"}).status_code == 401
    google = through.get("/v1beta/openai/models", headers={"authorization": f"Bearer {key}"})
    assert google.status_code == 200


def test_the_networks_of_a_key_are_those_of_the_client_behind_nginx(through: httpx2.Client, issued: Issued) -> None:
    inside, outside = issued.client_key(networks=["127.0.0.0/8"]), issued.client_key(networks=["203.0.113.0/24"])
    lies = {"x-forwarded-for": "203.0.113.9"}

    for key, status in ((inside, 200), (outside, 403)):
        found = through.get("/v1/models", headers={"authorization": f"Bearer {key}", **lies})
        assert found.status_code == status


def test_a_preflight_passes_without_a_key(through: httpx2.Client) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}

    response = through.options("/v1/chat/completions", headers={**asked, "origin": PAGE})
    foreign = through.options("/v1/chat/completions", headers={**asked, "origin": "https://evil.example"})

    assert (response.status_code, response.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "access-control-allow-origin" not in foreign.headers
    assert foreign.status_code == 401


def test_a_websocket_is_proxied(through: httpx2.Client, key: str) -> None:
    upgrade = {
        "authorization": f"Bearer {key}",
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with through.stream("GET", "/v1/responses", headers=upgrade) as response:
        assert response.status_code == 101


def test_the_gateway_gets_the_address_of_nginx_not_the_headers_of_the_client(through: httpx2.Client, key: str) -> None:
    through.headers["authorization"] = f"Bearer {key}"
    lies = {"x-forwarded-proto": "http", "x-forwarded-for": "203.0.113.9", "daphne-root-path": "/elsewhere"}

    assert through.get("/v1/models", headers=lies).status_code == 200
    login = through.get("/admin/login/", headers=lies)
    assert login.status_code == 200  # a request over http would be redirected to https
    assert "Secure" in login.headers["set-cookie"]
    assert through.get("/admin/login/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/"])
def test_private_paths_are_not_proxied(through: httpx2.Client, path: str) -> None:
    assert through.get(path).status_code == 404


def test_a_large_body_is_rejected_in_openais_form(through: httpx2.Client, key: str) -> None:
    response = through.post(
        "/v1/chat/completions", content=b"x" * 21_000_000, headers={"authorization": f"Bearer {key}"}
    )

    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")
