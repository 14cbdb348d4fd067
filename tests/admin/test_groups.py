"""The seeded groups: each opens its own pages and actions only."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from sessions_store.accounts.groups import GROUPS, seed_groups
from sessions_store.models import Budget, Key, Organization, RateLimit, User
from tests.admin.access import action, make_key, member_of, page_of
from tests.admin.conftest import Operator
from tests.admin.examples import Exchange, record

TALK = ({"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"})


@pytest.fixture
def addresses(db: None) -> dict[str, str]:
    """One address of each kind of right."""
    key, _ = make_key()
    usage = record(Exchange(messages=TALK))
    budget = Budget.objects.create(scope="gateway", amount_nano=10**9)
    limit = RateLimit.objects.create(scope="gateway", requests_per_minute=5)
    lists = {
        name: reverse(f"admin:sessions_store_{name}_changelist")
        for name in ("key", "project", "budget", "ratelimit", "usagerecord", "usageday", "upstreammodel")
    }
    return lists | {
        "settings": page_of(Organization.objects.get(pk=1)),
        "transcript": reverse("admin:sessions_store_message", args=[usage.answer_id]),
        "accounts": reverse("admin:sessions_store_user_changelist"),
        "create key": reverse("admin:sessions_store_key_add"),
        "rotate key": action(key, "rotate"),
        "revoke key": action(key, "revoke"),
        "create admin key": reverse("admin:sessions_store_key_admin"),
        "archive project": action(key.project, "archive"),
        "reopen keyless mode": reverse("admin:sessions_store_organization_keyless"),
        "create limit": reverse("admin:sessions_store_ratelimit_add"),
        "delete limit": reverse("admin:sessions_store_ratelimit_delete", args=[limit.pk]),
        "create budget": reverse("admin:sessions_store_budget_add"),
        "delete budget": reverse("admin:sessions_store_budget_delete", args=[budget.pk]),
        "tree": reverse("admin:sessions_store_budget_tree"),
        "check": reverse("admin:sessions_store_ratelimit_refusal"),
        "groups": reverse("admin:auth_group_changelist"),
    }


FIGURES = {"key", "project", "budget", "ratelimit", "usagerecord", "usageday", "upstreammodel", "settings"}
FIGURES |= {"tree", "check"}
KEY_ACTIONS = {"create key", "rotate key", "revoke key", "archive project"}


@pytest.mark.parametrize(
    ("group", "opened"),
    [
        ("Viewer", FIGURES),
        ("Auditor", FIGURES | {"transcript", "accounts"}),
        ("Operator", FIGURES | KEY_ACTIONS | {"accounts", "create limit", "delete limit"}),
        ("Finance", FIGURES | {"accounts", "create budget", "delete budget"}),
    ],
)
def test_a_group_opens_its_own_pages_only(
    anonymous: Client, addresses: dict[str, str], group: str, opened: set[str]
) -> None:
    browser = member_of(anonymous, group)
    codes = {name: browser.get(address).status_code for name, address in addresses.items()}
    assert {name for name, code in codes.items() if code == 200} == opened
    assert {code for name, code in codes.items() if name not in opened} == {403}


def test_an_owner_opens_every_page(anonymous: Client, addresses: dict[str, str]) -> None:
    browser = member_of(anonymous, "Owner")
    assert {name for name, address in addresses.items() if browser.get(address).status_code != 200} == set()


def test_actions_of_others_are_rejected_as_posts_too(anonymous: Client, addresses: dict[str, str]) -> None:
    browser = member_of(anonymous, "Viewer")
    for name in ("create key", "rotate key", "revoke key", "create admin key", "archive project", "create budget"):
        assert browser.post(addresses[name], {"password": "x", "name": "x"}).status_code == 403, name
    assert Key.objects.get().state == "active"


def test_groups_are_seeded_once_and_keep_their_edits(db: None) -> None:
    assert set(Group.objects.values_list("name", flat=True)) >= GROUPS.keys()
    viewer = Group.objects.get(name="Viewer")
    viewer.permissions.set(Permission.objects.filter(codename="view_usageday"))
    Group.objects.get(name="Finance").delete()
    before = Permission.objects.count()
    seed_groups(apps)
    assert [each.codename for each in viewer.permissions.all()] == ["view_usageday"]
    assert Group.objects.get(name="Finance").permissions.filter(codename="change_budget").exists()
    assert (Group.objects.filter(name__in=GROUPS).count(), Permission.objects.count()) == (5, before)


def test_every_permission_of_a_group_exists(db: None) -> None:
    known = set(Permission.objects.values_list("codename", flat=True))
    for name, codenames in GROUPS.items():
        assert (codenames or set()) <= known, name


def test_a_clerk_without_the_right_to_view_keys_sees_no_keys_of_accounts(clerk: Operator) -> None:
    key, _ = make_key()
    browser = clerk("view_user", "view_usagerecord")
    assert key.redacted_value not in browser.get(page_of(key.principal)).content.decode()
    listed = browser.get(reverse("admin:sessions_store_usagerecord_changelist"))
    assert 'id="filter-key"' not in listed.content.decode()
    choices = {"app_label": "sessions_store", "model_name": "usagerecord", "field_name": "key"}
    assert browser.get(reverse("admin:autocomplete"), choices).status_code == 403


def test_an_account_that_owns_a_key_is_kept(operator: Client) -> None:
    key, _ = make_key()
    address = reverse("admin:sessions_store_user_delete", args=[key.principal_id])
    assert operator.post(address, {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=key.principal_id).exists()
