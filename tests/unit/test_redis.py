"""With REDIS_URL the cache is in Redis: processes share its values."""

import os
import subprocess
import sys

import pytest

REDIS = os.environ.get("TEST_REDIS_URL", "")

pytestmark = [pytest.mark.redis, pytest.mark.skipif(not REDIS, reason="TEST_REDIS_URL names no server")]

SETUP = "import django; django.setup(); from django.conf import settings\n"
PUT = "from django.core.cache import cache; cache.set('gateway-test', 'kept', 30)"
GET = "from django.core.cache import cache; print(cache.get('gateway-test')); cache.delete('gateway-test')"


def in_a_process(code: str) -> str:
    """Run code in a new process with Redis configured; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", SETUP + code],
        env=os.environ | {"REDIS_URL": REDIS},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_processes_share_the_cache() -> None:
    in_a_process(PUT)
    assert in_a_process(GET) == "kept"
