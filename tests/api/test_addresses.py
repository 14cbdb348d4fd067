"""Alternative paths of endpoints: the served ones, the error of the others, and no HTML for programs."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, OpenAI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.http.addresses import ResolvedPath, resolve_path, suggestion
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, GEMINI_3, GEMINI_25, JSON, chat_body, chat_message, error_of, fresh
from tests.live_gateway import LiveGateway

pytestmark = pytest.mark.usefixtures("emulator")

# Endings of base URLs for other servers, and mistyped ones.
BASES = [
    *("", "/", "//", "/v1/", "//v1", "/v1//", "/v1/v1", "/v1/v1/v1", "/api", "/api/v1", "/api/v1/"),
    *("/openai", "/openai/v1", "/openai/v1/", "/v1/openai", "/v1/openai/v1", "/v1beta/openai", "/v1beta/openai/"),
    *("/v1/projects/p/locations/global/endpoints/openapi", "/v1beta1/projects/p/locations/eu/endpoints/openapi"),
]


@pytest.mark.parametrize("end", ["", "/", "//"])
@pytest.mark.parametrize("base", BASES)
def test_an_unambiguous_address_is_served(http: httpx2.Client, base: str, end: str) -> None:
    asked = http.post(f"{http.base_url}".rstrip("/") + f"{base}/chat/completions{end}?api-version=x", json=chat_body())
    listed = http.get(f"{http.base_url}".rstrip("/") + f"{base}/models{end}?key=x")

    assert (asked.status_code, asked.json()["object"]) == (200, "chat.completion")
    assert (listed.status_code, listed.json()["object"]) == (200, "list")


@pytest.mark.parametrize("base", ["/v1/", "/api/v1", "/openai/v1/", "/v1beta/openai/", "/v1/v1", ""])
def test_openais_client_works_with_other_base_urls(gateway: LiveGateway, base: str) -> None:
    with OpenAI(base_url=gateway.origin + base, api_key="x", max_retries=0) as client:
        chat = client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hello!")])
        chunks = list(client.chat.completions.create(model=GEMINI_25, messages=[chat_message("Hello!")], stream=True))
        first = client.responses.create(model=GEMINI_25, input="Hello!")
        again = client.responses.retrieve(first.id)
        model = client.models.retrieve(GEMINI_25)

    assert chat.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert again.output_text == first.output_text
    assert model.id == GEMINI_25


@pytest.mark.parametrize(
    ("name", "upstream"),
    [(f"google/{GEMINI_25}", GEMINI_25), ("openai/gpt-4o", GEMINI_3), (f"vertex_ai/{GEMINI_25}", GEMINI_25)],
)
def test_a_models_name_may_have_the_prefix_of_another_gateway(
    client: OpenAI, emulator: Emulator, name: str, upstream: str
) -> None:
    raw = client.chat.completions.with_raw_response.create(model=name, messages=[chat_message("Hello!")])

    assert raw.parse().model == name
    assert raw.headers["x-gateway-model"] == upstream
    assert f"mapped model: {name} -> " in raw.headers["x-gateway-notes"]
    assert f"/models/{upstream}:" in emulator.received()[-1]["path"]
    assert client.models.retrieve(name).id == name


@pytest.fixture
def azure(gateway: LiveGateway) -> Iterator[AzureOpenAI]:
    """Azure's client of openai-python: the model is part of the path, the key is in `api-key`."""
    with AzureOpenAI(azure_endpoint=gateway.origin, api_key="x", api_version="2024-10-21", max_retries=0) as connected:
        yield connected


def test_azures_client_is_served(azure: AzureOpenAI, emulator: Emulator) -> None:
    chat = azure.chat.completions.create(model="gpt-4o", messages=[chat_message("Hello!")])
    chunks = list(azure.chat.completions.create(model="gpt-4o", messages=[chat_message("Hello!")], stream=True))
    legacy = azure.completions.create(model="gpt-4o", prompt="Once")
    response = azure.responses.create(model="gpt-4o", input="Hello!")

    assert chat.model == "gpt-4o"
    assert chat.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert legacy.choices[0].text
    assert azure.responses.retrieve(response.id).output_text == response.output_text
    assert [item.type for item in azure.responses.input_items.list(response.id)] == ["message"]
    assert "gpt-4o" in [model.id for model in azure.models.list()]
    paths = [entry["path"] for entry in emulator.received() if entry["method"] == "POST"]
    assert {path.rpartition("/")[2].partition(":")[0] for path in paths} == {GEMINI_3}


async def test_azures_client_of_one_deployment_is_served(gateway: LiveGateway, emulator: Emulator) -> None:
    async with AsyncAzureOpenAI(
        azure_endpoint=gateway.origin, azure_deployment=GEMINI_25, api_key="x", api_version="2024-10-21"
    ) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="whatever", messages=[chat_message("Hello!")]
        )

    assert raw.parse().model == GEMINI_25
    assert "mapped model: replaced by the deployment name in the URL" in raw.headers["x-gateway-notes"]


@pytest.mark.parametrize("body", [{}, {"model": None}, {"model": GEMINI_25}], ids=str)
@pytest.mark.parametrize("path", ["chat/completions", "completions", "responses", "chat/completions/"])
def test_the_deployment_of_a_path_is_the_model(
    http: httpx2.Client, emulator: Emulator, path: str, body: dict[str, Any]
) -> None:
    asked: dict[str, dict[str, Any]] = {
        "chat": {"messages": [chat_message("Hello!")]},
        "comp": {"prompt": "Hello!"},
        "resp": {"input": "Hello!"},
    }
    response = http.post(f"/openai/deployments/{GEMINI_25}/{path}?api-version=1", json={**body, **asked[path[:4]]})

    assert (response.status_code, response.json()["model"]) == (200, GEMINI_25)
    assert "deployment" not in response.headers.get("x-gateway-notes", "")
    assert f"/models/{GEMINI_25}:" in emulator.received()[-1]["path"]


def test_a_compressed_body_with_a_byte_order_mark_gets_the_deployment(http: httpx2.Client, emulator: Emulator) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(chat_body("a\ud800b", model="whatever")).encode()
    headers = {**JSON, "content-encoding": "gzip"}

    response = http.post(
        f"/openai/deployments/{GEMINI_25}/chat/completions", content=gzip.compress(body), headers=headers
    )

    assert (response.status_code, response.json()["model"]) == (200, GEMINI_25)
    assert "mapped model: replaced by the deployment name in the URL" in response.headers["x-gateway-notes"]
    assert "converted" in response.headers["x-gateway-notes"]


def test_a_deployment_may_have_any_name(http: httpx2.Client) -> None:
    served = http.post(
        f"/openai/deployments/models%2F{GEMINI_25}/chat/completions", json={"messages": [chat_message("Hi")]}
    )
    odd = http.post('/openai/deployments/a"b/chat/completions', json={"messages": [chat_message("Hi")]})
    broken = http.post("/openai/deployments/gpt-4o/chat/completions", content=b"{", headers=JSON)
    empty = http.post("/openai/deployments/gpt-4o/chat/completions", content=b" {} ", headers=JSON)

    assert served.status_code == 200
    assert (odd.status_code, error_of(odd)["param"]) == (404, "model")
    assert broken.status_code == 400
    assert (empty.status_code, error_of(empty)["param"]) == (400, "messages")


@pytest.mark.parametrize(
    "path", ["/openai/v1/responses", "/responses", "/v1/responses/", "/api/v1/responses", "/v1beta/openai/responses"]
)
def test_websockets_are_served_at_alternative_addresses(gateway: LiveGateway, path: str) -> None:
    with connect(gateway.origin.replace("http", "ws") + path, proxy=None) as socket:
        socket.send(json.dumps({"type": "response.create", "model": GEMINI_25, "input": "Hello!", "store": False}))
        assert json.loads(socket.recv(timeout=10))["type"] == "response.created"


@pytest.mark.parametrize("path", ["/v1/realtime", "/openai/deployments/gpt-4o/responses", "/v1/chat/completions"])
def test_websockets_at_unknown_addresses_are_rejected(gateway: LiveGateway, path: str) -> None:
    with pytest.raises(InvalidStatus), connect(gateway.origin.replace("http", "ws") + path, proxy=None):
        pass


# (method, path, the endpoint in the error message)
UNSERVED = [
    ("POST", "/v2/chat/completions", CHAT),
    ("POST", "/v1/chat/completion", CHAT),
    ("POST", "/v1/Chat/Completions", CHAT),
    ("POST", "/v1/chat//completions", CHAT),
    ("POST", "/inference/v1/chat/completions", CHAT),
    ("POST", "/v1/messages", CHAT),
    ("POST", "/v1/messages?beta=true", CHAT),
    ("POST", "/api/chat", CHAT),
    ("POST", "/api/generate", CHAT),
    ("POST", "/v1beta/models/gemini-3.8-flash:generateContent", CHAT),
    ("POST", "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse", CHAT),
    ("GET", "/v1beta/models", "/v1/models"),
    ("GET", "/v1/model", "/v1/models"),
    ("POST", "/v1/response", "/v1/responses"),
    ("GET", "/nothing", ""),
    ("DELETE", "/v1/nothing", ""),
    ("POST", "/v1/" + "x" * 3000, ""),
]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html,application/xhtml+xml"])
@pytest.mark.parametrize(("method", "path", "meant"), UNSERVED, ids=[path[:40] for _, path, _ in UNSERVED])
def test_an_unknown_address_is_a_404_with_a_suggestion(
    http: httpx2.Client, method: str, path: str, meant: str, accept: str
) -> None:
    response = http.request(method, path, headers={"accept": accept})

    if (method, accept[:9]) == ("GET", "text/html") and not path.startswith("/v1/"):
        assert response.headers["content-type"].startswith("text/html")
        return
    error = error_of(response)
    assert (response.status_code, error["type"], error["code"]) == (404, "invalid_request_error", "unknown_url")
    assert error["message"].startswith(f"Unknown request URL: {method} /")
    assert error["message"].endswith(f"Did you mean {meant}?" if meant else ".")


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
def test_the_base_url_is_an_index_for_programs_and_a_page_for_people(http: httpx2.Client, path: str) -> None:
    index = http.get(path)
    page = http.get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert index.headers["content-type"] == "application/json"
    assert {CHAT, "/v1/responses", "/v1/models"} <= set(index.json()["endpoints"])
    assert page.headers["content-type"].startswith("text/html")
    assert f"{http.base_url}".rstrip("/") + "/v1" in page.text
    assert "Accept" in page.headers["vary"]
    assert "Accept" in index.headers["vary"]


def test_the_root_sends_no_html_to_programs(http: httpx2.Client) -> None:
    posted = http.post("/", json={})
    asked = http.get("/", headers={"accept": "application/json"})

    assert posted.status_code == 405
    assert error_of(posted)["code"] == "method_not_allowed"
    assert asked.json()["object"] == "index"
    assert http.get("/").headers["content-type"].startswith("text/html")


def test_the_name_of_a_session_may_have_a_slash(client: OpenAI, http: httpx2.Client) -> None:
    user = fresh("slash") + "/"
    client.chat.completions.create(model=GEMINI_25, user=user, messages=[chat_message("Hello!")])

    assert http.delete(f"/v1/sessions/{user}").json()["deleted"] == 1


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v1/models/openai/gpt-4o", ResolvedPath("/v1/models/openai/gpt-4o")),
        ("/v1beta/models", ResolvedPath("/v1/v1beta/models")),
        ("/openai/deployments/a/b/chat/completions", ResolvedPath(CHAT, "a/b")),
        ("/openai/deployments/a/embeddings", ResolvedPath("/v1/deployments/a/embeddings")),
    ],
)
def test_a_path_resolves_to_its_address(path: str, address: ResolvedPath) -> None:
    assert resolve_path(path) == address


@pytest.mark.parametrize(
    "path", ["/" * 30_000 + "x", "/v1" * 10_000, "/openai/deployments/" * 2_000, "/a" + "/" * 30_000]
)
def test_a_hostile_path_is_read_in_linear_time(path: str) -> None:
    assert resolve_path(path).path.startswith("/v1")
    assert suggestion(path) == ""
