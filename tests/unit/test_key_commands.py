"""`manage.py create_key` and `apply_config`, and the keys of the environment (governance G13)."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gemini_gateway.startup.bootstrap_keys import bootstrap_problems, ensure_bootstrap_keys
from sessions_store.accounts.issuing import rotate_key
from sessions_store.accounts.key_form import digest, is_key, new_key
from sessions_store.models import Budget, Key, ModelMapping, Organization, Project, RateLimit

pytestmark = pytest.mark.django_db

DOCUMENT = """
[gateway.policy]
tags = ["all"]

[[projects]]
name = "Search"
policy = { strict = true }

[[keys]]
name = "search-prod"
project = "Search"
policy = { scopes = ["chat.write"] }

[[mappings]]
public_name = "house-model"
upstream_model = "gemini-3.8-flash"

[[limits]]
project = "Search"
requests_per_minute = 60

[[budgets]]
name = "search a month"
project = "Search"
usd = "100.50"
period = "month"
"""


def test_g13_create_key_prints_the_key_once_and_stores_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    call_command(
        "create_key", "--name", "ci", "--models", "gpt-4*", "--requests-per-minute", "5", "--monthly-budget", "2.5"
    )

    key = capsys.readouterr().out.strip()
    row = Key.objects.get(digest=digest(key))
    assert is_key(key)
    assert row.policy == {"models": {"mode": "allow_list", "model_ids": ["gpt-4*"]}}
    assert RateLimit.objects.get(key=row).requests_per_minute == 5
    assert Budget.objects.get(key=row).amount_nano == 2_500_000_000
    assert Organization.objects.get().keyed_at is not None


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--name", "x", "--project", "missing"),
        ("--name", "x", "--owner", "missing"),
        ("--name", "x", "--admin"),
        ("--name", "x", "--scopes", "nothing.write"),
        ("--name", "x", "--expires-in-days", "0"),
        ("--name", "x", "--monthly-budget", "much"),
        ("--name", "x", "--monthly-budget", "-1"),
    ],
)
def test_g13_create_key_rejects_invalid_options_and_creates_nothing(options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("create_key", *options)
    assert not Key.objects.exists()


def test_g13_ten_starts_with_a_key_of_the_environment_make_one_key(settings: pytest.FixtureRequest) -> None:
    settings.BOOTSTRAP_CLIENT_KEY, settings.BOOTSTRAP_ADMIN_KEY = new_key(), new_key("admin")  # type: ignore[attr-defined]

    for _ in range(10):
        ensure_bootstrap_keys()

    assert sorted(Key.objects.values_list("kind", flat=True)) == ["admin", "client"]


def test_g13_the_declared_limits_of_a_rotated_key_are_those_in_force(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    text = (
        "[[keys]]\nname='one'\n[[limits]]\nkey='one'\nrequests_per_minute={0}\n"
        "[[budgets]]\nkey='one'\nname='one'\nusd='{0}'"
    )
    path.write_text(text.format(60))
    call_command("apply_config", str(path), "--apply")
    key = Key.objects.get(name="one")
    rotate_key(key)

    path.write_text(text.format(600))
    call_command("apply_config", str(path), "--apply")

    limit, budget = RateLimit.objects.get(), Budget.objects.get()
    assert (limit.key, limit.requests_per_minute) == (key, 600)
    assert (budget.key, budget.amount_nano) == (key, 600 * 10**9)


@pytest.mark.parametrize("key", ["secret", "x" * 64, new_key("admin"), new_key()[:-1] + "!"])
def test_g13_a_weak_or_foreign_key_of_the_environment_is_reported_without_the_key(
    settings: pytest.FixtureRequest, key: str
) -> None:
    settings.BOOTSTRAP_CLIENT_KEY, settings.BOOTSTRAP_ADMIN_KEY = key, ""  # type: ignore[attr-defined]

    (problem,) = bootstrap_problems()

    assert key not in problem


def test_g13_apply_config_changes_nothing_in_a_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(DOCUMENT)

    call_command("apply_config", str(path))

    printed = capsys.readouterr()
    assert "create key “search-prod” of project “Search”" in printed.err
    assert printed.out == ""
    assert not Project.objects.filter(name="Search").exists()


def test_g13_apply_config_creates_what_is_absent_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(DOCUMENT)

    call_command("apply_config", str(path), "--apply")
    key = capsys.readouterr().out.strip()
    call_command("apply_config", str(path), "--apply")

    assert "no changes" in capsys.readouterr().err
    assert Key.objects.get(digest=digest(key)).project.policy == {"strict": True}  # type: ignore[union-attr]
    assert ModelMapping.objects.filter(public_name="house-model").count() == 1
    assert RateLimit.objects.get().requests_per_minute == 60
    assert Budget.objects.get().amount_nano == 100_500_000_000


def test_g13_apply_config_leaves_a_budget_of_the_same_name_and_another_subject(tmp_path: Path) -> None:
    of_gateway = Budget.objects.create(scope="gateway", name="search a month", amount_nano=7)
    path = tmp_path / "gateway.toml"
    path.write_text(DOCUMENT)

    for _ in range(2):
        call_command("apply_config", str(path), "--apply")

    of_gateway.refresh_from_db()
    assert of_gateway.amount_nano == 7
    assert Budget.objects.get(project__name="Search").amount_nano == 100_500_000_000


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[project]]\nname='x'", "project"),
        ("[[projects]]\nnme='x'", "nme"),
        ("[[keys]]\nname='x'\nproject='missing'", "missing"),
        ("[[keys]]\nname='x'\nvalue='secret'", "--generate"),
        ("[[keys]]\nname='x'\npolicy={strict='yes'}", "strict"),
        ("[[budgets]]\nname='x'\nusd='many'", "usd"),
        ("[[budgets]]\nname='x'\nusd='1'\ntime_zone='Mars/Base'", "IANA"),
        ("[[limits]]\nkey='missing'\nrequests_per_minute=1", "missing"),
    ],
)
def test_g13_apply_config_names_an_invalid_entry_and_changes_nothing(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("[[projects]]\nname='First'\n" + text if "[[project]]" not in text else text)

    with pytest.raises(CommandError, match=named):
        call_command("apply_config", str(path), "--apply")
    assert not Project.objects.filter(name="First").exists()
