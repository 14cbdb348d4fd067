"""Every field of a response of Gemini with invalid values: each call has one usage record, and invalid counts or names
do not prevent the response.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any, Final

import httpx2
import pytest

from sessions_store.models import UsageRecord
from tests.emulator_control import Emulator
from tests.exchanges import CHAT, COMPLETIONS, GEMINI_25, error_of
from tests.hostile_values import Path, places

pytestmark = pytest.mark.usefixtures("live_db", "emulator")

# With TEST_FUZZ every value is tested at every path, else a third of the values.
EVERY: Final = bool(os.environ.get("TEST_FUZZ"))
Case = tuple[Path, Any, tuple[str, dict[str, Any]], bool]  # path, value, form, stream
INT32_MAX: Final = 2**31 - 1
ANSWER: Final[dict[str, Any]] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Thinking.", "thought": True},
                    {"text": "Hello there.", "thoughtSignature": "c2lnbmF0dXJl"},
                    {"functionCall": {"name": "time", "args": {"zone": "UTC"}, "id": "f1"}},
                    {"executableCode": {"language": "PYTHON", "code": "1"}},
                    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
            "finishMessage": "Done.",
            "avgLogprobs": -0.5,
            "tokenCount": 5,
            "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}],
            "citationMetadata": {"citationSources": [{"startIndex": 0, "endIndex": 5, "uri": "https://a.example/"}]},
            "groundingMetadata": {
                "webSearchQueries": ["hello"],
                "groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}],
                "groundingSupports": [
                    {"segment": {"startIndex": 0, "endIndex": 5, "text": "Hello"}, "groundingChunkIndices": [0]}
                ],
            },
            "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "https://a.example/"}]},
            "logprobsResult": {
                "chosenCandidates": [{"token": "Hello", "logProbability": -0.1}],
                "topCandidates": [{"candidates": [{"token": "Hello", "logProbability": -0.1}]}],
            },
        }
    ],
    "promptFeedback": {"safetyRatings": []},
    "usageMetadata": {
        "promptTokenCount": 7,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 2,
        "cachedContentTokenCount": 1,
        "toolUsePromptTokenCount": 1,
        "totalTokenCount": 13,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 1}],
        "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}],
        "serviceTier": "standard",
        "trafficType": "ON_DEMAND",
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
    "createTime": "2026-11-30T00:00:00Z",
}
WRONG: Final[list[Any]] = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**30,
    1.5,
    1e300,
    "",
    "12",
    "9" * 5000,
    "x" * 300,
    "a\x00b",
    "\u2028\U0001f600",
    [],
    [[1]],
    ["x" * 300],
    {},
    {"a": {"b": [1, "\x00"]}},
]
TOOLS: Final = [{"type": "function", "function": {"name": "time"}}]
FORMS: Final[list[tuple[str, dict[str, Any]]]] = [
    (CHAT, {"messages": [{"role": "user", "content": "TEXT"}], "tools": TOOLS, "store": True}),
    ("/v1/responses", {"input": "TEXT", "tools": [{"type": "function", "name": "time"}], "store": True}),
    (COMPLETIONS, {"prompt": "TEXT", "logprobs": 2}),
]


def changed(path: Path, value: Any, *, empty: bool = False) -> dict[str, Any]:
    """Return the response, or an empty one, with another value at a path."""
    answer: dict[str, Any] = json.loads(json.dumps(ANSWER))
    if empty:
        answer["candidates"][0]["content"]["parts"] = []
    if not path:
        return answer
    *way, last = path
    holder: Any = answer
    for step in way:
        holder = holder[step]
    holder[last] = value
    return answer


def failed(response: httpx2.Response) -> set[str]:
    """Return the error codes of a response, plain or in the events of a stream."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        bodies = [response.json()]
    else:
        bodies = [json.loads(line[6:]) for line in response.text.split("\n") if line.startswith("data: {")]
    holders = [holder for body in bodies for holder in (body, body.get("response") or {})]
    errors = [holder["error"] for holder in holders if isinstance(holder.get("error"), dict)]
    return {str(error.get("code") or error.get("type")) for error in errors}


def check(
    http: httpx2.Client, emulator: Emulator, cases: list[Case], *, empty: bool = False
) -> list[tuple[httpx2.Response, UsageRecord]]:
    """Send one request per case, in parallel; return the responses with their records, exactly one each."""
    steps: list[dict[str, Any]] = []
    for number, (path, value, _, stream) in enumerate(cases):
        answer = changed(path, value, empty=empty)
        said = {"chunks": [answer]} if stream else {"body": answer}
        steps.append({"match": {"contains": f"case {number}."}, **said})
    emulator.script(steps)

    def ask(number: int) -> httpx2.Response:
        _, _, (where, body), stream = cases[number]
        text = json.loads(json.dumps(body).replace("TEXT", f"case {number}."))
        return http.post(where, json={"model": GEMINI_25, **text, "stream": stream})

    with ThreadPoolExecutor(12) as threads:
        responses = list(threads.map(ask, range(len(cases))))
    rows = UsageRecord.objects.in_bulk([one.headers["x-request-id"] for one in responses], field_name="request_id")
    assert len(rows) == len(cases)
    assert sum(row.attempts for row in rows.values()) == len(emulator.received())
    sent = []
    for (path, value, form, stream), response in zip(cases, responses, strict=True):
        what = (path, str(value)[:40], form[0], stream)
        row = rows[response.headers["x-request-id"]]
        assert response.status_code in (200, 502), (what, response.text)
        assert (row.status in ("ok", "blocked")) == (not failed(response)), (what, response.text)
        assert row.status != "internal_error", (what, response.text)
        sent.append((response, row))
    return sent


@pytest.mark.parametrize("empty", [False, True])
def test_wrong_values_in_every_field_of_a_response_are_recorded_once(
    http: httpx2.Client, emulator: Emulator, empty: bool
) -> None:
    forms = cycle([(form, stream) for form in FORMS for stream in (False, True)])
    cases = [
        (path, value, *next(forms))
        for message, path in enumerate(places(changed((), None, empty=empty)))
        for value in WRONG[0 if EVERY else message % 3 :: 1 if EVERY else 3]
    ]
    assert len(cases) > 300
    for start in range(0, len(cases), 500):
        emulator.reset()
        check(http, emulator, cases[start : start + 500], empty=empty)


COUNTS: Final = [name for name in ANSWER["usageMetadata"] if name.endswith("TokenCount")]
# The parsed values of wrong counts; other wrong counts are missing.
READ: Final = {
    "2147483648": INT32_MAX,
    str(2**63): INT32_MAX,
    str(10**30): INT32_MAX,
    "1e+300": INT32_MAX,
    "1.5": 2,
    "12": 12,
    "9" * 5000: INT32_MAX,
}


@pytest.mark.parametrize("name", [*COUNTS, ""])
def test_invalid_counts_are_recorded_as_estimates(http: httpx2.Client, emulator: Emulator, name: str) -> None:
    wrong = [value for value in WRONG if value not in (0, None) or value is False]
    path = ("usageMetadata", name) if name else ("usageMetadata",)
    values = [value for value in wrong if name or not isinstance(value, dict)]
    cases = [(path, value, form, stream) for value in values for form in FORMS for stream in (False, True)]

    for (_, value, _, _), (response, row) in zip(cases, check(http, emulator, cases), strict=True):
        assert response.status_code == 200
        assert (row.status, row.estimated) == ("ok", True), value
        assert ["converted", "usage"] in [note[:2] for note in row.notes]
        assert 0 < row.prompt_tokens <= 2 * INT32_MAX
        assert 0 < row.completion_tokens <= 2 * INT32_MAX
        assert row.total_tokens == row.prompt_tokens + row.completion_tokens
        assert row.cached_tokens <= row.prompt_tokens
        assert row.cost_nano > 0
        if name == "promptTokenCount" and str(value) in READ:
            assert row.prompt_tokens == READ[str(value)] + ANSWER["usageMetadata"]["toolUsePromptTokenCount"]


@pytest.mark.parametrize(
    ("path", "column", "longest"),
    [
        (("modelVersion",), "model_version", 200),
        (("candidates", 0, "finishReason"), "native_finish_reason", 50),
        (("promptFeedback", "blockReason"), "native_finish_reason", 50),
        (("usageMetadata", "serviceTier"), "service_tier", 20),
        (("responseId",), "request_id", 100),
    ],
)
@pytest.mark.parametrize("value", ["x" * 5000, "a\x00b", "\U0001f600" * 300])
def test_names_too_long_for_their_column_are_cut(
    http: httpx2.Client, emulator: Emulator, path: Path, column: str, longest: int, value: str
) -> None:
    cases = [(path, value, form, stream) for form in FORMS for stream in (False, True)]

    for response, row in check(http, emulator, cases):
        assert (response.status_code, row.status, row.estimated) in [(200, "ok", False), (200, "blocked", False)]
        assert len(getattr(row, column)) <= longest
        assert "\x00" not in getattr(row, column)


@pytest.mark.parametrize("value", [value for value in WRONG if type(value) is not int or not 0 <= value < 2**64])
def test_an_invalid_count_of_input_tokens_is_an_upstream_error(
    http: httpx2.Client, emulator: Emulator, value: Any
) -> None:
    emulator.script({"body": {"totalTokens": value}})
    response = http.post("/v1/responses/input_tokens", json={"model": GEMINI_25, "input": "Hi"})
    assert (response.status_code, error_of(response)["code"]) == (502, "upstream_error")


@pytest.mark.parametrize("path", [path for path in places(ANSWER) if len(path) < 3])
def test_a_summary_of_wrong_values_is_recorded(http: httpx2.Client, emulator: Emulator, path: Path) -> None:
    values = [value for value in WRONG if value is not None]
    body = {"model": GEMINI_25, "input": [{"role": "user", "content": "Hi"}]}
    for value in values:
        emulator.script({"body": changed(path, value)})
        response = http.post("/v1/responses/compact", json=body)
        assert response.status_code in (200, 502), (value, response.text)
    rows = UsageRecord.objects.order_by("-id")[: len(values)]
    assert {row.endpoint for row in rows} == {"responses.compact"}
    assert "internal_error" not in {row.status for row in rows}
    assert sum(row.attempts for row in rows) == len(emulator.received())


def test_a_withheld_summary_is_an_upstream_error(http: httpx2.Client, emulator: Emulator) -> None:
    emulator.script({"body": {"promptFeedback": {"blockReason": "SAFETY"}}})
    body = {"model": GEMINI_25, "input": [{"role": "user", "content": "Hi"}]}
    response = http.post("/v1/responses/compact", json=body)
    assert (response.status_code, error_of(response)["code"]) == (502, "upstream_error")
