"""Requests that schemathesis generates from the OpenAPI document, valid and invalid, single and in sequence: no 5xx,
every error in OpenAI's form, every response and event as described, no accepted request that the document forbids.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.openapi.document import document
from tests.fuzz.closed import close_answers
from tests.live_gateway import LiveGateway
from tests.server_process import ROOT

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# `FUZZ_SECONDS=600 FUZZ_SEED=7 make fuzz` runs longer, with another seed.
SECONDS = os.environ.get("FUZZ_SECONDS", "")
SEED = os.environ.get("FUZZ_SEED", "1")

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.skipif(not os.environ.get("TEST_FUZZ"), reason="made-up requests run with make fuzz"),
    pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed: see requirements-dev.txt"),
]


@pytest.fixture
def offline_gateway(django_db_setup: None, emulator_url: str) -> Iterator[LiveGateway]:
    """A server without the fetching of URLs, because the URLs are generated."""
    with LiveGateway.start(upstream=emulator_url, settings={"MEDIA_FETCH": "off"}) as server:
        yield server


def without_administration(described: dict[str, Any]) -> dict[str, Any]:
    """Return the description without the Administration API: it exists only with an admin key, and its calls would
    revoke the keys and restrict the models of all other requests.
    """
    described["paths"] = {
        path: methods for path, methods in described["paths"].items() if not path.startswith("/v1/organization/")
    }
    return described


def test_generated_requests_get_described_responses(offline_gateway: LiveGateway, tmp_path: Path) -> None:
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(close_answers(without_administration(document()))))
    sent = ["--url", offline_gateway.origin, "--seed", SEED, "--no-color", "--warnings", "off"]
    longer = ["--max-time", SECONDS] if SECONDS else []
    ran = subprocess.run(
        [SCHEMATHESIS, "--config-file", CONFIGURATION, "run", described, *sent, *longer],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-5_000:]
    sys.stdout.write(ran.stdout)
    assert "Traceback" not in offline_gateway.log
