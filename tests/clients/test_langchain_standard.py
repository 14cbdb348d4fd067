"""LangChain's standard suite for chat models with the live gateway; `programs/langchain_suite.py` declares the features
of the model.
"""

import subprocess
from xml.etree import ElementTree

import pytest

from tests.clients.client_process import client_environment
from tests.clients.installed import has_package, python_of, skip_unless_asked
from tests.emulator_control import Emulator
from tests.live_gateway import LiveGateway
from tests.server_process import ROOT

SUITE = "tests/clients/programs/langchain_suite.py"
# The suite is independent of this project's tests, and its client reuses connections across tests: one event loop.
ALONE = ("--noconftest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".")
LOOP = ("-o", "asyncio_default_fixture_loop_scope=session", "-o", "asyncio_default_test_loop_scope=session")
OPTIONS = ("-q", *ALONE, *LOOP, "-o", "asyncio_mode=auto", "-o", "xfail_strict=true")
# The tests that the suite may skip, with the reason; any other skipped test fails.
LEFT_OUT = {"test_stream_time": "it times a recording, and there is none: the gateway is live"}


def test_the_standard_suite_of_langchain_passes(gateway: LiveGateway, emulator: Emulator, tmp_path: object) -> None:
    skip_unless_asked()
    if not has_package("openai3", "langchain-tests"):
        pytest.skip("langchain-tests is not installed: make test-clients does it")
    report = f"{tmp_path}/report.xml"
    ran = subprocess.run(
        [str(python_of("openai3")), "-m", "pytest", SUITE, *OPTIONS, f"--junit-xml={report}"],
        cwd=ROOT,
        env={**client_environment(), "GATEWAY_BASE_URL": gateway.base_url},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-20_000:]
    cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314  pytest's own report
    skipped = {case.get("name", "").partition("[")[0] for case in cases if case.find("skipped") is not None}
    assert skipped == LEFT_OUT.keys()
    assert len(cases) > 80
    assert len(list(emulator.bodies())) > 80
