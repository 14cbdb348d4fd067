"""The migration of roll-ups to more keys: every figure stays, also after an interruption (governance G16)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SERVER_URL
from tests.postgres_database import create_database, drop_database
from tests.server_process import ROOT

# Runs in a process of its own, because a migration to an earlier state would change the database of all tests.
PROGRAM = """
import json, sys
from datetime import UTC, datetime, timedelta
from importlib import import_module

import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

call_command("migrate", "sessions_store", "0016", verbosity=0)
state = MigrationExecutor(connection).loader.project_state([("sessions_store", "0016_projects_and_keys")]).apps
former = [state.get_model("sessions_store", name) for name in ("UsageMinute", "UsageHour", "UsageDay")]
price = state.get_model("sessions_store", "ModelPrice").objects.get(
    model__name="gemini-3.8-flash", tier="standard", valid_from__year=2026
)
local = state.get_model("sessions_store", "User").objects.get(username="local")

from sessions_store.models import UsageDay, UsageHour, UsageMinute, UsageRecord
from sessions_store.usage import rollups

day = datetime(2026, 10, 1, tzinfo=UTC)
metadata = {"promptTokenCount": 100, "candidatesTokenCount": 10, "promptTokensDetails": [
    {"modality": "TEXT", "tokenCount": 60}, {"modality": "IMAGE", "tokenCount": 40}]}
sums = {"requests": 1, "errors": 0, "prompt_tokens": 100, "cached_tokens": 0, "completion_tokens": 10,
        "reasoning_tokens": 0, "cost_nano": 112500, "latency_sum_ms": 5, "h03": 1}
for number in range(4):
    at = day + timedelta(days=number, hours=3, minutes=7, seconds=9)
    UsageRecord.objects.create(
        request_id=f"req_{number}", principal_id=local.pk, endpoint="responses", public_model="gpt-4",
        upstream_model="gemini-3.8-flash", status="ok", http_status=200, attempts=1, prompt_tokens=100,
        completion_tokens=10, service_tier="flex" if number == 3 else "standard", cost_nano=112500,
        prices=[price.pk], usage_metadata=[metadata], started_at=at, latency_ms=5,
    )
    for model, zero in zip(former, ({"second": 0}, {"minute": 0, "second": 0}, {"hour": 0, "minute": 0, "second": 0})):
        model.objects.create(bucket=at.replace(**zero), principal_id=local.pk, public_model="gpt-4",
            upstream_model="gemini-3.8-flash", status_class="ok", **sums)
# A day whose roll-ups are not the sums of its usage records.
for model in former:
    model.objects.filter(bucket__gte=day + timedelta(days=2), bucket__lt=day + timedelta(days=3)).update(cost_nano=7)

migration = import_module("sessions_store.migrations.0017_rollup_keys")
calls = []
def interrupted(start, end):
    calls.append(start)
    if len(calls) == 2:
        raise RuntimeError("interrupted")
    return rollups.recorded_totals(start, end)
migration.recorded_totals = interrupted
try:
    call_command("migrate", verbosity=0)
except RuntimeError:
    calls.append("interrupted")
migration.recorded_totals = rollups.recorded_totals
call_command("migrate", verbosity=0)

columns = ("project__public_id", "key_id", "service_tier", "family", "requests", "cost_nano", "cost_input_nano",
           "cost_output_nano", "input_image_tokens", "h03")
rows = {model.__name__: list(model.objects.order_by("bucket").values_list(*columns))
        for model in (UsageMinute, UsageHour, UsageDay)}
with connection.cursor() as cursor:
    tables = connection.introspection.table_names(cursor)
call_command("migrate", "sessions_store", "0016", verbosity=0)
back = [list(model.objects.order_by("bucket").values_list("cost_nano", "prompt_tokens", "h03")) for model in former]
print(json.dumps({
    "rows": rows, "back": back, "interrupted": calls[-1], "left": [name for name in tables if "former" in name]}))
"""


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[str]:
    """A database of its own, on the server of the tests."""
    if not SERVER_URL:
        yield f"sqlite:///{tmp_path}/own.sqlite3"
        return
    url = create_database(SERVER_URL, "_migration")
    yield url
    drop_database(SERVER_URL, url)


def test_g16_the_migration_keeps_every_figure_and_resumes_after_an_interruption(
    own_database: str, tmp_path: Path
) -> None:
    environment = os.environ | {"DATABASE_URL": own_database, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr[-3000:]
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert found["back"] == [[[112_500, 100, 1], [112_500, 100, 1], [7, 100, 1], [112_500, 100, 1]]] * 3
    assert (found["interrupted"], found["left"]) == ("interrupted", [])
    for rows in found["rows"].values():
        assert [row[:3] for row in rows] == [["proj_default", 0, tier] for tier in ("standard", "standard", "", "flex")]
        assert {row[3] for row in rows} == {"completions"}
        assert [row[4:6] for row in rows] == [[1, 112_500], [1, 112_500], [1, 7], [1, 112_500]]
        assert [row[6:9] for row in rows] == [[75_000, 37_500, 40]] * 2 + [[0, 0, 0]] + [[75_000, 37_500, 40]]
        assert [row[9] for row in rows] == [1] * 4
