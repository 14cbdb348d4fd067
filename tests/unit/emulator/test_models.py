"""Models, token counts and embeddings."""

import math
from typing import Any

import pytest

from tests.unit.emulator.conftest import NEW, OLD, Gemini, contents


def test_models_are_listed_by_pages(gemini: Gemini) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = gemini.http.get("/v1beta/models", params={"pageSize": 7, "pageToken": token}).json()
        assert len(page["models"]) <= 7
        names += [model["name"] for model in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert len(set(names)) == len(names) > 20
    assert {"models/gemini-3.8-flash", "models/gemini-2.5-pro", "models/gemini-flash-latest"} <= set(names)
    assert "models/gemini-2.0-flash" not in names
    assert names == [model["name"] for model in gemini.http.get("/v1beta/models").json()["models"]]
    assert gemini.http.get("/v1beta/models", params={"pageToken": "??"}).status_code == 400


def test_a_single_model_is_described(gemini: Gemini) -> None:
    model = gemini.http.get(f"/v1beta/models/{NEW}").json()
    assert (model["name"], model["thinking"], model["outputTokenLimit"]) == (f"models/{NEW}", True, 65536)
    assert "generateContent" in model["supportedGenerationMethods"]
    assert gemini.http.get("/v1beta/models/none").status_code == 404


def test_an_alias_responds_as_its_target(gemini: Gemini) -> None:
    assert gemini.ask("Hello", model="gemini-flash-latest")["modelVersion"] == "gemini-3.8-flash"


def test_tokens_are_counted_like_a_prompt(gemini: Gemini) -> None:
    request: dict[str, Any] = {
        "contents": contents("Hello, world"),
        "systemInstruction": {"parts": [{"text": "Be brief"}]},
    }
    counted = gemini.post(OLD, {"contents": contents("Hello, world")}, "countTokens").json()
    assert counted == {"totalTokens": 3, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}]}
    inner = {"generateContentRequest": {"model": f"models/{OLD}", **request}}
    assert gemini.post(OLD, inner, "countTokens").json()["totalTokens"] == 5
    assert gemini.post(OLD, request).json()["usageMetadata"]["promptTokenCount"] == 5
    assert "Only one of contents" in gemini.error_message(
        {**inner, "contents": contents("a")}, model=OLD, method="countTokens"
    )
    assert "contents is not specified" in gemini.error_message({}, model=OLD, method="countTokens")
    assert 'Unknown name "tools"' in gemini.error_message({**request, "tools": []}, model=OLD, method="countTokens")


MODEL = "gemini-embedding-2"


def batch(*texts: str, **values: Any) -> dict[str, Any]:
    return {
        "requests": [{"model": f"models/{MODEL}", "content": {"parts": [{"text": text}]}, **values} for text in texts]
    }


def cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def test_embeddings_are_unit_vectors_closer_for_shared_words(gemini: Gemini) -> None:
    body = batch("the cat sat on the mat", "a cat on a mat", "quantum field theory", outputDimensionality=256)
    response = gemini.post(MODEL, body, "batchEmbedContents")
    cats, more_cats, fields = [entry["values"] for entry in response.json()["embeddings"]]
    assert math.isclose(cosine(cats, cats), 1.0, abs_tol=1e-6)
    assert len(cats) == 256
    assert cosine(cats, more_cats) > cosine(cats, fields) + 0.2
    single = gemini.post(MODEL, body["requests"][0], "embedContent").json()["embedding"]["values"]
    assert single == cats


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (batch(*"a" * 101), "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n"),
        ({"requests": []}, "requests is not specified"),
        ({"requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}}]}, "must match"),
        (batch("a", outputDimensionality=4000), "Dimensions 4000 are not supported"),
        (batch("a", foo=1), "Unknown name \"foo\" at 'requests[0]'"),
    ],
)
def test_invalid_embedding_requests_are_rejected(gemini: Gemini, body: Any, message: str) -> None:
    assert message in gemini.error_message(body, model=MODEL, method="batchEmbedContents")


def test_an_unsupported_method_of_a_model_is_a_404(gemini: Gemini) -> None:
    assert gemini.post(MODEL, {"contents": contents("a")}).status_code == 404
    assert gemini.post(NEW, batch("a"), "batchEmbedContents").status_code == 404
    assert gemini.post(NEW, {}, "fly").status_code == 404
