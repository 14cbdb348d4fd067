"""The settings: the environment variables, the defaults of a fresh checkout, and the complete .env.example."""

import json
import logging
import os
import re
import runpy
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from gemini_gateway.checks import environment_check
from gemini_gateway.env import Environment
from gemini_gateway.log import JsonFormatter, RedactionFilter, TextFormatter, redact
from gemini_gateway.startup.secrets import load_secrets

ROOT = Path(__file__).resolve().parents[2]
LoadSettings = Callable[..., dict[str, Any]]


@pytest.fixture
def load_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LoadSettings:
    """Run settings.py with exactly these variables and return its definitions."""

    def load(**variables: str) -> dict[str, Any]:
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in {"ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path), **variables}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "gemini_gateway" / "settings.py"))

    return load


def documented() -> dict[str, str]:
    """Return each name in .env.example with its value."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(found.groups() for line in lines if (found := re.fullmatch(r"#([A-Z0-9_]+)=(.*)", line)))  # type: ignore[misc]


def test_env_example_lists_exactly_what_the_settings_read(load_settings: LoadSettings) -> None:
    assert set(documented()) == load_settings(TLS="1")["ENVIRONMENT"].read


def test_the_values_in_env_example_are_the_defaults(load_settings: LoadSettings, tmp_path: Path) -> None:
    written = tmp_path / "example.env"
    written.write_text("".join(f"{name}={value}\n" for name, value in documented().items() if name != "DATA_DIR"))

    unset, copied = load_settings(), load_settings(ENV_FILE=str(written))

    names = [name for name in unset if name.isupper() and name not in {"ENVIRONMENT", "SECURE_HSTS_SECONDS"}]
    assert {name: copied[name] for name in names} == {name: unset[name] for name in names}
    assert copied["ENVIRONMENT"].problems == []


def test_invalid_settings_are_reported_and_keep_their_defaults(load_settings: LoadSettings) -> None:
    settings = load_settings(PORT="many", DEBUG="perhaps", SQLITE_SYNC="maybe", DRAIN_SECONDS="-1", DATABASE_URL="x:y")

    assert {problem.name for problem in settings["ENVIRONMENT"].problems} >= {
        "PORT",
        "DEBUG",
        "SQLITE_SYNC",
        "DRAIN_SECONDS",
        "DATABASE_URL",
    }
    assert settings["PORT"] == 8080
    assert settings["DEBUG"] is False


@pytest.mark.parametrize(
    ("variables", "upstream", "key"),
    [
        ({}, "emulator", ""),
        ({"GEMINI_BASE_URL": "http://127.0.0.1:9090/"}, "emulator", ""),
        ({"GEMINI_API_KEY": "a"}, "gemini", "a"),
        ({"GOOGLE_API_KEY": "b"}, "gemini", "b"),
        ({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}, "gemini", "a"),
        ({"GOOGLE_GENAI_USE_VERTEXAI": "true"}, "vertex", ""),
        ({"GOOGLE_GENAI_USE_VERTEXAI": "1", "GEMINI_API_KEY": "a"}, "vertex", "a"),
    ],
)
def test_the_upstream_follows_from_the_keys(
    load_settings: LoadSettings, variables: dict[str, str], upstream: str, key: str
) -> None:
    settings = load_settings(**variables)

    assert (settings["GEMINI_UPSTREAM"], settings["GEMINI_API_KEY"]) == (upstream, key)
    assert not settings["GEMINI_BASE_URL"].endswith("/")


def test_a_dotenv_file_is_read_and_the_process_environment_wins(load_settings: LoadSettings, tmp_path: Path) -> None:
    dotenv = tmp_path / "dot.env"
    dotenv.write_text("PORT=9001\nGEMINI_API_KEY='from the file'\nHOST=\n# PORT=1\n")

    from_file = load_settings(ENV_FILE=str(dotenv))
    leaked = "GEMINI_API_KEY" in os.environ
    overridden = load_settings(ENV_FILE=str(dotenv), PORT="9002")

    assert (from_file["PORT"], from_file["GEMINI_API_KEY"], from_file["HOST"]) == (9001, "from the file", "127.0.0.1")
    assert overridden["PORT"] == 9002
    assert not leaked  # a library must not read a key that is for the gateway only


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"AIza-very-secret-key\n", "Line 1 of "),
        (b"# a comment\n\n  # another\nGEMINI_API_KEY = very-secret\nPORT=9001\n", "Line 4 of "),
        (b"GEMINI_API_KEY=very-secret\xff\n", "cannot be read"),
    ],
    ids=["a bare key", "blanks around the sign", "not UTF-8"],
)
def test_an_invalid_line_of_the_file_is_reported_by_its_number_only(
    load_settings: LoadSettings, tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    (tmp_path / "dot.env").write_bytes(content)

    settings = load_settings(ENV_FILE=str(tmp_path / "dot.env"))

    [problem] = settings["ENVIRONMENT"].problems
    assert said in str(problem)
    assert "secret" not in str(problem)
    assert "secret" not in "".join(capfd.readouterr())


def test_the_checks_name_unknown_variables_of_the_file(
    load_settings: LoadSettings, tmp_path: Path, settings: Settings
) -> None:
    lines = (
        "GEMINI_API_KEY=secret-1",
        "GOOGLE_API_KEY=secret-2",
        "TLS=1",
        "# a comment",
        "GEMINI_APIKEY=secret-3",
        "export port=9001",
        "HTTPS_PROXY=http://me:secret-4@proxy",
        "Secret5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    )
    (tmp_path / "dot.env").write_text("\n".join(lines))

    settings.ENVIRONMENT = load_settings(ENV_FILE=str(tmp_path / "dot.env"))["ENVIRONMENT"]
    warnings = environment_check()

    said = [f"{warning.msg} {warning.hint}" for warning in warnings]
    assert [warning.id for warning in warnings] == ["gateway.W007"] * 4
    assert "GEMINI_APIKEY in line 5 " in said[0]
    assert "Did you mean GEMINI_API_KEY?" in said[0]
    assert "port in line 6 " in said[1]
    assert "Did you mean PORT?" in said[1]
    assert "HTTPS_PROXY in line 7 " in said[2]
    assert "Did you mean" not in said[2]
    assert "The name in line 8 " in said[3]  # a bare key that ends in = looks like a name
    assert "secret" not in "".join(said).lower()


@pytest.mark.parametrize("tls", ["0", "1"])
def test_every_name_of_env_example_is_known_whatever_else_is_set(
    load_settings: LoadSettings, tmp_path: Path, settings: Settings, tls: str
) -> None:
    secrets = dict.fromkeys(("GEMINI_API_KEY", "SECRET_KEY"), "given")
    lines = [f"{name}={value}\n" for name, value in ({**documented(), **secrets, "TLS": tls}).items()]
    (tmp_path / "dot.env").write_text("".join(line for line in lines if not line.startswith("DATA_DIR=")))

    settings.ENVIRONMENT = load_settings(ENV_FILE=str(tmp_path / "dot.env"))["ENVIRONMENT"]

    assert environment_check() == []


def test_the_file_may_have_windows_line_ends_and_a_byte_order_mark(load_settings: LoadSettings, tmp_path: Path) -> None:
    (tmp_path / "dot.env").write_bytes(b"\xef\xbb\xbfPORT=9001\r\nexport HOST='localhost'\r\nSECRET_KEY=a=b #c\r\n")

    settings = load_settings(ENV_FILE=str(tmp_path / "dot.env"))

    assert settings["ENVIRONMENT"].problems == []
    assert (settings["PORT"], settings["HOST"], settings["SECRET_KEY"]) == (9001, "localhost", "a=b #c")


def test_secrets_come_from_files(load_settings: LoadSettings, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")

    settings = load_settings(SECRET_KEY_FILE=str(tmp_path / "key"), GEMINI_API_KEY_FILE=str(tmp_path / "missing"))

    assert settings["SECRET_KEY"] == "from-a-file"
    assert [problem.name for problem in settings["ENVIRONMENT"].problems] == ["GEMINI_API_KEY_FILE"]


def test_database_urls_are_parsed(load_settings: LoadSettings, tmp_path: Path) -> None:
    sqlite = load_settings(SQLITE_SYNC="full")["DATABASES"]["default"]
    postgres = load_settings(DATABASE_URL="postgres://me:secret@db:5433/gateway")["DATABASES"]["default"]

    assert sqlite["NAME"] == str(tmp_path / "gateway.sqlite3")
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in sqlite["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in sqlite["OPTIONS"]["init_command"]
    assert (postgres["HOST"], postgres["PORT"], postgres["NAME"]) == ("db", 5433, "gateway")
    assert postgres["CONN_HEALTH_CHECKS"] is True


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://me:very-secret@db/gateway"),
        ("DATABASE_URL", "oracle://me:very-secret@db/gateway"),
        ("DATABASE_URL", "postgis://me:very-secret@db/gateway"),
        ("DATABASE_URL", "made-up://me:very-secret@db/gateway"),
        ("DATABASE_URL", "postgres://me:very-secret@db:port/gateway"),
        ("DATABASE_URL", "postgres://me:very-secret@db"),
        ("DATABASE_URL", "postgres://"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("REDIS_URL", "nonsense"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "http://:very-secret@localhost"),
    ],
)
def test_an_invalid_database_url_is_reported_without_its_password(
    load_settings: LoadSettings, capfd: pytest.CaptureFixture[str], name: str, url: str
) -> None:
    settings, unset = load_settings(**{name: url}), load_settings()

    assert [problem.name for problem in settings["ENVIRONMENT"].problems] == [name]
    assert "secret" not in settings["ENVIRONMENT"].problems[0].reason
    assert "secret" not in "".join(capfd.readouterr())
    assert (settings["DATABASES"], settings["REDIS_URL"]) == (unset["DATABASES"], "")


def test_other_spellings_of_database_urls_are_accepted(load_settings: LoadSettings, tmp_path: Path) -> None:
    file = str(tmp_path / "mine.sqlite3")

    sqlite = load_settings(DATABASE_URL=f"sqlite:///{file}")
    postgres = load_settings(DATABASE_URL="postgresql://me:p%23ss@db/gateway?sslmode=require")

    assert sqlite["DATABASES"]["default"]["NAME"] == file
    assert postgres["DATABASES"]["default"]["PASSWORD"] == "p#ss"
    assert sqlite["ENVIRONMENT"].problems == postgres["ENVIRONMENT"].problems == []


def test_the_cache_is_in_redis_where_it_is_set(load_settings: LoadSettings) -> None:
    without, with_redis = load_settings(), load_settings(REDIS_URL="redis://localhost:6379/1")

    assert without["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")
    assert with_redis["CACHES"]["default"]["LOCATION"] == "redis://localhost:6379/1"


def test_production_passes_djangos_deployment_checks(tmp_path: Path) -> None:
    environment = {"ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path), "TLS": "1", "ALLOWED_HOSTS": "gateway.example"}

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_secrets_are_created_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    data_dir = tmp_path / "made" / "on the way"
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(load_secrets, [data_dir] * 64))

    assert len(set(made)) == 1
    assert made[0].problem == ""
    assert len(made[0].secret_key) >= 50
    assert stat.S_IMODE((data_dir / "secrets.json").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secrets.json"]


def test_secrets_that_cannot_be_stored_have_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "secrets.json").write_text("{broken")

    for data_dir in (tmp_path / "file", tmp_path):
        stand_in = load_secrets(data_dir)
        assert stand_in.problem
        assert stand_in.secret_key
    assert (tmp_path / "secrets.json").read_text() == "{broken"  # never overwritten: the file may be the only copy


def test_numbers_outside_their_bounds_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"A": "1_000", "B": "70000", "C": "0.5", "D": " yes ", "E": "a, b,,"}.items():
        monkeypatch.setenv(name, value)
    environment = Environment(Path(os.devnull))

    assert environment.whole("A", 1) == 1000
    assert environment.whole("B", 8080, most=65535) == 8080
    assert environment.seconds("C", 9.0) == 0.5
    assert environment.flag("D") is True
    assert environment.words("E") == ["a", "b"]
    assert [problem.name for problem in environment.problems] == ["B"]


SECRETS = [
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "AQ.Ab8RN6Kx12345678901234567890",
    "sk-proj-abcdefghijklmnop",
    "ya29.a0AfH6SMBx1234567890",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("frame", ["{}", "x-goog-api-key: {}", "?key={}&alt=sse", "{{'Authorization': 'Bearer {}'}}"])
def test_keys_are_redacted_everywhere(secret: str, frame: str) -> None:
    cleaned = redact(frame.format(secret))

    assert secret not in cleaned
    assert secret[6:] not in cleaned
    assert "[redacted]" in cleaned


@pytest.mark.parametrize(
    "text", ["Authorization: Bearer dummy-token-1", "x-goog-api-key='opaque'", "authorization: basic dXNlcjpwYXNz"]
)
def test_the_value_of_a_credential_header_is_redacted(text: str) -> None:
    assert not re.search("dummy|opaque|dXNl", redact(text))


def test_ordinary_text_is_not_redacted() -> None:
    text = "keyless request for gpt-4 by user alice-sky in 12 ms; api keys: none, monkey=banana"
    assert redact(text) == text


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_the_log_contains_no_secret(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(SECRETS[0])
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "asked with %s", (SECRETS[1],), sys.exc_info())
    record.headers = {"authorization": f"Bearer {SECRETS[2]}"}

    RedactionFilter().filter(record)
    line = formatter.format(record)

    assert not any(secret in line for secret in SECRETS)
    assert "ValueError" in line


def test_a_log_record_is_one_line_with_any_content() -> None:
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, "user %s", ("x\r\nfaked line\x1b[31m\u2028",), None)
    record.model = "gpt\n4"

    as_json, as_text = JsonFormatter().format(record), TextFormatter().format(record)

    assert len(as_json.splitlines()) == len(as_text.splitlines()) == 1
    assert "\x1b" not in as_text
    assert json.loads(as_json)["model"] == "gpt\n4"


WRITE_AND_LOOK = """
from django.conf import settings
from sessions_store.models import User
User.objects.create(username="written")
for path in sorted(settings.DATA_DIR.glob("gateway.sqlite3*")):
    print(path.name, oct(path.stat().st_mode & 0o777))
"""


def test_a_new_database_is_readable_by_its_owner_only_with_any_umask(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    environment = {"ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path)}

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, umask=0, capture_output=True, text=True, check=True
        ).stdout

    manage("migrate", "--verbosity", "0")

    looked = manage("shell", "--no-imports", "-c", WRITE_AND_LOOK).splitlines()
    assert looked == [f"gateway.sqlite3{end} 0o600" for end in ("", "-shm", "-wal")]
