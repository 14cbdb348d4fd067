"""The system checks: each fault has an id and a hint, and a valid configuration has no message."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from pytest_django import Settings

from api.auth.loopback import is_loopback_host
from gemini_gateway import checks
from gemini_gateway.env import EnvironmentProblem

Check = Callable[[], list[CheckMessage]]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound here
SQLITE_OPTIONS = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"}
ALL: list[Check] = [
    checks.environment_check,
    checks.secrets_check,
    checks.storage_check,
    checks.upstream_check,
    checks.limits_check,
    checks.network_check,
    checks.exposure_check,
]


def test_statistics_of_analyze_are_reported(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "gateway.sqlite3"
    changes = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database), "OPTIONS": SQLITE_OPTIONS}
    for name, value in changes.items():
        monkeypatch.setitem(settings.DATABASES["default"], name, value)
    with closing(sqlite3.connect(database)) as connection:
        database.chmod(0o600)
        connection.execute("CREATE TABLE message (key)")
        connection.execute("INSERT INTO message VALUES (1)")
        connection.commit()
        assert checks.storage_check() == []
        connection.execute("CREATE INDEX message_once ON message (key)")
        connection.execute("ANALYZE")
        connection.commit()
    assert [fault.id for fault in checks.storage_check()] == ["gateway.W008"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of this machine can enter, unlike pytest's own folder."""
    with tempfile.TemporaryDirectory(prefix="gateway-open-") as folder:
        yield Path(folder)


@pytest.mark.django_db
def test_a_fresh_checkout_has_no_fault() -> None:
    assert [fault for check in ALL for fault in check()] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("check", "changes", "found"),
    [
        (checks.secrets_check, {"SECRETS_PROBLEM": "disk full"}, "gateway.E002"),
        (checks.upstream_check, {"GEMINI_UPSTREAM": "vertex", "GOOGLE_CLOUD_PROJECT": ""}, "gateway.E008"),
        (
            checks.upstream_check,
            {"GEMINI_UPSTREAM": "vertex", "GOOGLE_CLOUD_PROJECT": "p", "GEMINI_API_KEY": "k"},
            "gateway.W002",
        ),
        (checks.upstream_check, {"GEMINI_BASE_URL": "generativelanguage.googleapis.com"}, "gateway.E009"),
        (checks.upstream_check, {"GEMINI_BASE_URL": "http://10.0.0.1", "GEMINI_API_KEY": "k"}, "gateway.W003"),
        (checks.limits_check, {"IDLE_TIMEOUT": 700.0}, "gateway.W004"),
        (checks.network_check, {"TRUSTED_PROXIES": ["proxy.example"]}, "gateway.E010"),
        (checks.network_check, {"ALLOWED_HOSTS": ["*"]}, "gateway.E011"),
        *(
            (checks.network_check, {"CORS_ALLOWED_ORIGINS": ["https://fine.example", origin]}, "gateway.E016")
            for origin in ("*", "null", "https://*", "http://*", "https://a.example/path", "a.example", "https://*.a.b")
        ),
        (checks.network_check, {"ALLOW_INSECURE_KEYLESS": True}, "gateway.W005"),
        (checks.exposure_check, {"HOST": EVERYWHERE}, "gateway.E012"),
        (
            checks.exposure_check,
            {"HOST": "192.168.1.5", "ALLOW_INSECURE_KEYLESS": True, "DEBUG": True},
            "gateway.E013",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_fault_is_found_with_a_hint(settings: Settings, check: Check, changes: dict[str, Any], found: str) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)

    faults = check()

    assert [fault.id for fault in faults] == [found]
    assert all(fault.hint for fault in faults)


def test_sqlite_without_its_options_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", {})

    assert [fault.id for fault in checks.storage_check()] == ["gateway.E006"]


@pytest.mark.parametrize(
    ("file", "folder", "warned"),
    [(0o644, 0o755, True), (0o600, 0o755, False), (0o640, 0o755, False), (0o644, 0o700, False)],
)
def test_a_world_readable_database_is_found(
    settings: Settings, open_folder: Path, monkeypatch: pytest.MonkeyPatch, file: int, folder: int, warned: bool
) -> None:
    path = open_folder / "gateway.sqlite3"
    path.touch()
    path.chmod(file)
    open_folder.chmod(folder)
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": SQLITE_OPTIONS}
    monkeypatch.setitem(settings.DATABASES, "default", sqlite)

    faults = checks.storage_check()

    assert [fault.id for fault in faults] == ["gateway.W006"] * warned
    assert all(f"chmod 600 {path}" == fault.hint for fault in faults)


def test_an_unusable_data_directory_is_found(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "missing"

    assert [fault.id for fault in checks.storage_check()] == ["gateway.E005"]


def test_secrets_readable_by_others_are_found(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "secrets.json").chmod(0o640)

    assert [fault.id for fault in checks.secrets_check()] == ["gateway.W001"]


def test_an_invalid_variable_is_named_without_its_value(settings: Settings) -> None:
    settings.ENVIRONMENT.problems.append(EnvironmentProblem("PORT", "is not a whole number"))
    try:
        (fault,) = checks.environment_check()
    finally:
        settings.ENVIRONMENT.problems.clear()

    assert fault.id == "gateway.E001"
    assert "PORT" in fault.msg


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("::1", True),
        ("[::1]", True),
        (EVERYWHERE, False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.nip.io", False),
    ],
)
def test_only_loopback_counts_as_loopback(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback
