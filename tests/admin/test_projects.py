"""Projects and the gateway's settings in the admin: policies as form fields, archiving, the mark of keyless mode."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sessions_store.accounts.access import load_access
from sessions_store.accounts.issuing import create_project, revoke_key
from sessions_store.accounts.policy import FIELDS, parse_policy
from sessions_store.admin.pages.access.policy_form import PolicyForm
from sessions_store.models import Organization, Project, User
from tests.admin.access import PASSWORD, action, make_key, page_of

SETTINGS = "admin:sessions_store_organization_changelist"
EVERY_FIELD = {
    "memory": False,
    "content": "metadata",
    "strict": True,
    "default_model": "gpt-4o",
    "max_output_tokens": 4096,
    "max_reasoning_effort": "low",
    "store": False,
    "media_fetching": False,
    "budget_header": True,
    "tags": ["team:a", "b"],
    "origins": ["https://app.example.com"],
    "scopes": ["chat.read", "chat.write", "models.read"],
    "models": {"mode": "deny_list", "model_ids": ["gpt-4*", "gemini-2.5-pro"]},
    "networks": ["10.0.0.0/8", "2001:db8::/32"],
}
SENT = {
    "memory": "off",
    "content": "metadata",
    "strict": "on",
    "default_model": "gpt-4o",
    "max_output_tokens": "4096",
    "max_reasoning_effort": "low",
    "store": "off",
    "media_fetching": "off",
    "budget_header": "on",
    "tags": "team:a\r\n\r\nb\r\nb",
    "origins": "https://app.example.com",
    "scopes": ["chat.read", "chat.write", "models.read"],
    "models_mode": "deny_list",
    "models_patterns": "gpt-4*\r\ngemini-2.5-pro",
    "networks": "10.0.0.0/8\r\n2001:db8::/32",
}

pytestmark = pytest.mark.usefixtures("untried_passwords")


def test_every_field_of_a_policy_has_a_form_field() -> None:
    assert set(FIELDS) <= set(PolicyForm.base_fields)
    assert parse_policy(EVERY_FIELD).keys() == set(FIELDS)


def test_a_new_project_has_the_policy_of_its_form(owner: Client) -> None:
    answer = owner.post(reverse("admin:sessions_store_project_add"), {"name": "Research", **SENT})
    assert answer.status_code == 302
    project = Project.objects.get(name="Research")
    assert project.policy == EVERY_FIELD
    assert project.storage.kind == User.Kind.STORAGE


def test_a_saved_form_without_edits_keeps_the_policy(owner: Client) -> None:
    project = create_project("Research", EVERY_FIELD)
    form = owner.get(page_of(project)).context["adminform"].form
    shown = {name: form[name].value() for name in FIELDS if name != "models"}
    assert shown == {name: SENT[name] for name in shown} | {
        "tags": "team:a\nb",
        "networks": "10.0.0.0/8\n2001:db8::/32",
        "max_output_tokens": 4096,
    }
    assert owner.post(page_of(project), {"name": "Renamed", **SENT, "tags": "team:a\r\nb"}).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.policy) == ("Renamed", EVERY_FIELD)


def test_an_empty_field_is_inherited_and_an_empty_restriction_stays(owner: Client) -> None:
    # A stored empty list of scopes permits nothing; without scopes, everything is permitted.
    project = create_project("Closed", {"scopes": [], "strict": True, "tags": ["a"], "max_reasoning_effort": ""})
    form = owner.get(page_of(project)).context["adminform"].form
    assert form["max_reasoning_effort"].value() == "no_cap"
    owner.post(page_of(project), {"name": "Closed", "models_mode": "", "max_reasoning_effort": "no_cap"})
    project.refresh_from_db()
    assert project.policy == {"scopes": [], "max_reasoning_effort": ""}


def test_an_invalid_policy_is_an_error_of_its_field(owner: Client) -> None:
    project = create_project("Research")
    page = owner.post(page_of(project), {"name": "Research", "networks": "here", "models_mode": ""})
    assert "networks" in page.context["adminform"].form.errors
    project.refresh_from_db()
    assert project.policy == {}


def test_a_project_is_archived_after_the_password_and_its_keys_are_rejected(owner: Client) -> None:
    key, secret = make_key()
    assert key.project is not None
    address = action(key.project, "archive")
    assert "1 valid key" in owner.get(address).content.decode()
    owner.post(address, {"password": "wrong"})
    assert Project.objects.get(pk=key.project.pk).archived_at is None
    assert owner.post(address, {"password": PASSWORD}).status_code == 302
    assert Project.objects.get(pk=key.project.pk).archived_at is not None
    found = load_access().find(secret)
    assert found is not None
    assert found.inactive
    page = owner.get(page_of(key.project)).content.decode()
    assert ("Archived on" in page, 'name="_save"' in page, address in page) == (True, False, False)


def test_the_default_project_is_never_archived(owner: Client) -> None:
    default = Project.objects.get(public_id="proj_default")
    assert action(default, "archive") not in owner.get(page_of(default)).content.decode()
    answer = owner.post(action(default, "archive"), {"password": PASSWORD}, follow=True)
    assert "cannot be archived" in answer.content.decode()
    default.refresh_from_db()
    assert default.archived_at is None


def test_the_list_of_projects_counts_keys_and_is_filtered_by_state(owner: Client) -> None:
    home = create_project("with keys")
    for number in range(3):
        make_key(f"key {number}", home)
    revoke_key(make_key("gone", home)[0])
    with CaptureQueriesContext(connection) as queries:
        page = owner.get(reverse("admin:sessions_store_project_changelist")).content.decode()
    assert len(queries) <= 15
    assert '<span class="figure">3</span><span class="below">of 4</span>' in page
    Project.objects.filter(pk=home.pk).update(archived_at=home.created_at)
    listed = reverse("admin:sessions_store_project_changelist")
    assert "with keys" not in owner.get(f"{listed}?archived=0").content.decode()
    assert "with keys" in owner.get(f"{listed}?archived=1").content.decode()


def test_the_gateways_settings_apply_to_the_next_request(owner: Client) -> None:
    address = owner.get(reverse(SETTINGS))["Location"]
    assert "<h2>Keyless mode</h2>" in owner.get(address).content.decode()
    assert owner.post(address, {"strict": "on", "models_mode": ""}).status_code == 302
    local = load_access().local
    assert local is not None
    assert local.policy.strict


def test_keyless_mode_is_reopened_by_the_password_only(owner: Client) -> None:
    make_key()
    address = reverse("admin:sessions_store_organization_keyless")
    page = owner.get(page_of(Organization.objects.get(pk=1))).content.decode()
    assert (">closed<" in page, address in page) == (True, True)
    owner.post(address, {"password": "wrong"})
    assert load_access().keyed
    assert "Client keys that are not revoked: 1" in owner.get(address).content.decode()
    assert owner.post(address, {"password": PASSWORD}).status_code == 302
    assert not load_access().keyed
    assert ">open<" in owner.get(page_of(Organization.objects.get(pk=1))).content.decode()


def test_an_account_shows_its_keys_and_storage_is_hidden(owner: Client) -> None:
    key, _ = make_key()
    listed = reverse("admin:sessions_store_user_changelist")
    page = owner.get(listed).content.decode()
    assert "program of nightly" in page
    assert "storage of proj_" not in page
    assert "storage of proj_" in owner.get(f"{listed}?kind=storage").content.decode()
    assert page_of(key) in owner.get(page_of(key.principal)).content.decode()
    choices = {"app_label": "sessions_store", "model_name": "key", "field_name": "principal", "term": "proj_"}
    assert owner.get(reverse("admin:autocomplete"), choices).json()["results"] == []
    password = reverse("admin:auth_user_password_change", args=[key.principal_id])
    assert owner.get(password).status_code == 403
