"""Keys in the admin: shown once, rotated with overlap, revoked after the operator's password; lists stay small."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sessions_store.accounts.access import load_access
from sessions_store.accounts.issuing import create_project, revoke_key
from sessions_store.models import Key, Organization, Project, UsageRecord, User
from tests.admin.access import ADD_KEY, KEYS, PASSWORD, action, make_key, member_of, new_key_fields, page_of
from tests.admin.examples import Exchange, record
from tests.admin.test_usage import downloaded

SECRET = re.compile(r"sk-gw(?:admin)?-[0-9A-Za-z]{38}")
TALK = ({"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"})

pytestmark = pytest.mark.usefixtures("untried_passwords")


def created(browser: Client, **fields: str) -> str:
    """Create a key and return it as the page shows it."""
    home = Project.objects.get(public_id="proj_default")
    answer = browser.post(reverse(ADD_KEY), new_key_fields("canary", home, **fields))
    assert answer.status_code == 200, answer
    return str(SECRET.findall(answer.content.decode())[0])


def test_a_new_key_is_shown_once_and_must_not_be_stored_by_the_browser(owner: Client) -> None:
    home = Project.objects.get(public_id="proj_default")
    answer = owner.post(reverse(ADD_KEY), new_key_fields("canary", home, strict="on"))
    page = answer.content.decode()
    [*secrets] = set(SECRET.findall(page))
    assert len(secrets) == 1
    assert "no-store" in answer["Cache-Control"]
    assert f"Authorization: Bearer {secrets[0]}" in page
    assert "<script>" not in page
    found = load_access().find(secrets[0])
    assert found is not None
    assert found.caller.policy.strict
    key = Key.objects.get(name="canary")
    assert (key.principal.kind, key.principal.service_of, key.created_by) == (
        User.Kind.SERVICE,
        home,
        User.objects.get(username="grace"),
    )


def test_the_canary_key_is_on_no_page_after_its_creation(owner: Client) -> None:
    secret = created(owner)
    key = Key.objects.get(name="canary")
    pages = [page_of(key), page_of(key.project), page_of(key.principal), reverse(KEYS), reverse("admin:index")]
    pages += [action(key, "history"), action(key, "rotate"), action(key, "revoke"), f"{reverse(KEYS)}?q={secret[:12]}"]
    for address in pages:
        page = owner.get(address).content.decode()
        assert secret not in page, address
    assert key.redacted_value in owner.get(page_of(key)).content.decode()
    export = owner.get(reverse("admin:sessions_store_key_export"))
    assert secret not in (text := downloaded(export))
    assert key.redacted_value in text
    assert not [entry for entry in LogEntry.objects.all() if secret in entry.change_message + entry.object_repr]
    assert not [values for values in Key.objects.values() if secret in str(values)]
    assert secret not in str(dict(owner.session))


def test_a_form_that_is_sent_again_creates_no_second_key(owner: Client) -> None:
    home = Project.objects.get(public_id="proj_default")
    fields = new_key_fields("canary", home)
    secret = SECRET.findall(owner.post(reverse(ADD_KEY), fields).content.decode())[0]
    again = owner.post(reverse(ADD_KEY), fields, follow=True)
    assert again.redirect_chain[0][0] == page_of(Key.objects.get(name="canary"))
    assert secret not in again.content.decode()
    assert "A key is shown once" in again.content.decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "This field is required"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "Enter a time in the future"),
        ({"networks": "10.0.0.0/99"}, "networks"),
        ({"models_patterns": "gpt-4*"}, "Choose whether these models are permitted"),
        ({"tags": "\n".join(map(str, range(11)))}, "at most 10"),
        ({"max_output_tokens": "-1"}, "greater than or equal to 0"),
    ],
)
def test_an_invalid_field_is_named_and_no_key_is_created(owner: Client, fields: dict[str, str], message: str) -> None:
    home = Project.objects.get(public_id="proj_default")
    answer = owner.post(reverse(ADD_KEY), new_key_fields("canary", home) | fields)
    assert message in answer.content.decode()
    assert "errornote" in answer.content.decode()
    assert not Key.objects.exists()


def test_an_owner_of_another_project_and_an_archived_project_are_rejected(owner: Client) -> None:
    key, _ = make_key()
    other = create_project("elsewhere")
    answer = owner.post(reverse(ADD_KEY), new_key_fields("x", other, principal=str(key.principal_id)))
    assert "owns keys of its own project only" in answer.content.decode()
    Project.objects.filter(pk=other.pk).update(archived_at=timezone.now())
    answer = owner.post(reverse(ADD_KEY), new_key_fields("x", other))
    assert "The project is archived" in answer.content.decode()
    assert Key.objects.count() == 1


def test_a_rotated_key_has_a_successor_and_stays_valid_for_the_overlap(owner: Client) -> None:
    key, secret = make_key(strict=True)
    Key.objects.filter(pk=key.pk).update(last_used_at=timezone.now() - timedelta(hours=3), last_used_from="192.0.2.7")
    asked = owner.get(action(key, "rotate")).content.decode()
    assert "192.0.2.7" in asked
    assert "3\N{NO-BREAK SPACE}hours ago" in asked
    answer = owner.post(action(key, "rotate"), {"overlap": "2", "password": PASSWORD})
    [successor] = set(SECRET.findall(answer.content.decode()))
    assert "no-store" in answer["Cache-Control"]
    access = load_access()
    old, new = access.find(secret), access.find(successor)
    assert old is not None
    assert new is not None
    now = timezone.now()
    assert old.usable(now)
    assert not old.usable(now + timedelta(hours=2, minutes=1))
    assert new.usable(now + timedelta(hours=3))
    assert new.caller.policy.strict
    again = owner.post(action(key, "rotate"), {"overlap": "2", "password": PASSWORD}, follow=True)
    assert "has a successor already" in again.content.decode()
    assert Key.objects.count() == 2
    page = owner.get(page_of(key)).content.decode()
    assert "Replaced by" in page
    assert "192.0.2.7" in page


@pytest.mark.parametrize(("name", "cut"), [("revoke", False), ("cut", True)])
def test_a_key_is_revoked_after_the_password_only(owner: Client, name: str, cut: bool) -> None:
    key, secret = make_key()
    for password in ("", "wrong"):
        answer = owner.post(action(key, name), {"password": password})
        assert answer.status_code == 200
        assert "errornote" in answer.content.decode()
    assert Key.objects.get(pk=key.pk).state == "active"
    assert owner.post(action(key, name), {"password": PASSWORD}).status_code == 302
    key.refresh_from_db()
    assert (key.state, key.cut_at is not None) == ("revoked", cut)
    found = load_access().find(secret)
    assert found is not None
    assert not found.usable(timezone.now())
    page = owner.get(page_of(key)).content.decode()
    assert ('name="_save"' in page, action(key, "revoke") in page) == (False, False)
    assert (action(key, "cut") in page) is not cut


def test_guesses_of_the_password_are_throttled_like_logins(owner: Client) -> None:
    key, _ = make_key()
    for _ in range(5):
        owner.post(action(key, "revoke"), {"password": "wrong"})
    answer = owner.post(action(key, "revoke"), {"password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "Too many failed attempts" in answer.content.decode()
    login = Client().post(reverse("admin:login"), {"username": "grace", "password": PASSWORD})
    assert login.status_code == 429
    assert Key.objects.get(pk=key.pk).state == "active"


def test_an_admin_key_needs_the_password_and_the_permission_for_the_gateways_settings(owner: Client) -> None:
    address = reverse("admin:sessions_store_key_admin")
    assert "sk-gwadmin-" not in owner.post(address, {"name": "ops", "password": "wrong"}).content.decode()
    sent = {"name": "ops", "days": "30", "password": PASSWORD, "form_token": "once"}
    answer = owner.post(address, sent)
    secret = SECRET.findall(answer.content.decode())[0]
    assert secret.startswith("sk-gwadmin-")
    assert owner.post(address, sent).status_code == 302
    [key] = Key.objects.all()
    assert (key.kind, key.project, key.principal.username) == (Key.Kind.ADMIN, None, "grace")
    assert Organization.objects.get(pk=1).keyed_at is None

    operator = member_of(owner, "Operator")
    for forbidden in (address, action(key, "rotate"), action(key, "revoke"), action(key, "cut")):
        assert operator.get(forbidden).status_code == 403, forbidden
        assert operator.post(forbidden, {"password": PASSWORD}).status_code == 403, forbidden
    assert 'name="_save"' not in operator.get(page_of(key)).content.decode()


def test_the_page_of_a_key_states_each_setting_with_its_source(owner: Client) -> None:
    home = create_project("home", {"content": "metadata", "tags": ["team:home"]})
    Organization.objects.update_or_create(pk=1, defaults={"policy": {"store": False}})
    key, _ = make_key(project=home, tags=["nightly"])
    page = owner.get(page_of(key)).content.decode()
    lines = dict(
        re.findall(
            r'<tr><td>([^<]+)</td><td><bdi class="wrap">(.*?</td><td><span class="badge[^"]*">[^<]+)</span>', page
        )
    )
    shown = {name: tuple(re.split(r"</bdi>.*>", rest)) for name, rest in lines.items()}
    assert shown["Content"] == ("metadata", "project")
    assert shown["Tags"] == ("nightly", "key")
    assert shown["Stored objects"] == ("off", "gateway")
    assert shown["Memory"] == ("on", "default")


def test_a_policy_that_may_not_be_edited_is_shown_in_the_effective_settings_only(anonymous: Client) -> None:
    key, _ = make_key(strict=True, budget_header=True)
    viewer = member_of(anonymous, "Viewer")
    for row in (key, key.project, Organization.objects.get(pk=1)):
        page = viewer.get(page_of(row))
        assert [name for _, block in page.context["adminform"].fieldsets for name in block["fields"]] == (
            [] if isinstance(row, Organization) else ["name", "expires_at"] if row is key else ["name"]
        )
        assert {line["name"] for line in page.context["policy_lines"]} >= {"Memory", "Strict", "Budget header"}
        assert "Effective settings" in page.content.decode()


def test_the_page_of_a_key_shows_who_used_the_key(owner: Client) -> None:
    key, _ = make_key()
    mine, other = record(Exchange(messages=TALK, user="ada")), record(Exchange(messages=TALK, user="bob"))
    UsageRecord.objects.filter(pk=mine.pk).update(key=key, project=key.project)
    page = owner.get(page_of(key)).content.decode()
    assert f"usagerecord/{mine.pk}/" in page
    assert f"usagerecord/{other.pk}/" not in page
    for parameter in (f"key={key.pk}", f"project={key.project_id}"):
        listed = owner.get(f"{reverse('admin:sessions_store_usagerecord_changelist')}?{parameter}").content.decode()
        assert ("ada" in listed, "bob" in listed) == (True, False), parameter
    detail = owner.get(page_of(UsageRecord.objects.get(pk=mine.pk))).content.decode()
    assert (page_of(key) in detail, f">{key.project}<" in detail) == (True, True)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what the tables hold, here nothing")
def test_the_requests_of_a_key_are_found_by_an_index(owner: Client) -> None:
    key, _ = make_key()
    with CaptureQueriesContext(connection) as queries:
        owner.get(page_of(key))
        owner.get(f"{reverse('admin:sessions_store_usagerecord_changelist')}?key={key.pk}&period=all")
    reads = [query["sql"] for query in queries if '"sessions_store_usagerecord"."key_id"' in query["sql"]]
    reads = [sql for sql in reads if '"key_id"' in sql.partition(" WHERE ")[2]]
    assert len(reads) >= 3
    for sql in reads:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"))
            steps = [row[-1] for row in cursor.fetchall()]
        assert any("usage_of_key" in step for step in steps), (sql, steps)
        assert not [step for step in steps if step.startswith("SCAN") or "ORDER BY" in step], (sql, steps)


def test_lists_of_keys_are_found_by_state_project_and_owner(owner: Client) -> None:
    active, _ = make_key("still-active")
    ended, _ = make_key("long-expired")
    Key.objects.filter(pk=ended.pk).update(expires_at=timezone.now() - timedelta(days=1))
    gone, _ = make_key("now-revoked")
    revoke_key(gone)
    names = ("still-active", "long-expired", "now-revoked")
    wanted = {
        "state=active": "still-active",
        "state=expired": "long-expired",
        "state=revoked": "now-revoked",
        f"project={ended.project_id}": "long-expired",
        f"principal={gone.principal_id}": "now-revoked",
        f"q={active.public_id}": "still-active",
    }
    for query, name in wanted.items():
        page = owner.get(f"{reverse(KEYS)}?{query}").content.decode()
        rows = page[page.index('id="result_list"') :]
        assert [each for each in names if f">{each}<" in rows] == [name], query
    assert "Nothing matches" in owner.get(f"{reverse(KEYS)}?project=abc").content.decode()


def test_an_empty_list_states_how_the_first_key_is_created(owner: Client) -> None:
    page = owner.get(reverse(KEYS)).content.decode()
    assert "manage.py create_key" in page
    start = owner.get(reverse("admin:index")).content.decode()
    assert reverse(ADD_KEY) in start
    assert "manage.py create_key" in start
    created(owner)
    start = owner.get(reverse("admin:index")).content.decode()
    assert "No client keys yet" not in start
    assert "YOUR-CLIENT-KEY" in start


def test_ten_thousand_keys_are_searched_without_a_choice_of_all(owner: Client) -> None:
    key, _ = make_key("hay")
    Key.objects.filter(pk=key.pk).update(name="needle")
    Key.objects.bulk_create(
        Key(name=f"key {n}", digest=f"{n:064x}", redacted_value="…", principal=key.principal, project=key.project)
        for n in range(10_000)
    )
    for address in (reverse(KEYS), f"{reverse(KEYS)}?q=needle", f"{reverse(KEYS)}?principal={key.principal_id}"):
        with CaptureQueriesContext(connection) as queries:
            answer = owner.get(address)
        assert len(queries) <= 15, address
        assert len(answer.content) < 300_000, address
    choices = {"app_label": "sessions_store", "model_name": "usagerecord", "field_name": "key", "term": "needle"}
    found = owner.get(reverse("admin:autocomplete"), choices).json()
    assert [row["id"] for row in found["results"]] == [str(key.pk)]
