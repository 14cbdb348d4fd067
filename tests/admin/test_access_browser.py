"""The pages of keys, projects, limits and budgets in a real browser: one key from its creation to its revocation."""

from typing import TYPE_CHECKING

import httpx2
import pytest

from sessions_store.models import Budget, BudgetWindow, Key, Project, RateLimit
from tests.admin.access import PASSWORD
from tests.admin.conftest import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.issued_keys import Issued
    from tests.live_gateway import LiveGateway

LONG = "the department of applied linguistics and everything else that has a very long name"

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")]


@pytest.fixture
def long_names(issued: "Issued") -> Key:
    """A key, its project, limits and a spent budget, with long names."""
    project = issued.project(strict=True)
    key, _ = issued.key(project)
    Key.objects.filter(pk=key.pk).update(name=LONG)
    Project.objects.filter(pk=project.pk).update(name=LONG)
    RateLimit.objects.create(scope="key", key=key, requests_per_minute=60, model_pattern=LONG)
    budget = Budget.objects.create(scope="key", key=key, amount_nano=10**9, period="total")
    BudgetWindow.objects.create(budget=budget, starts_on="2026-01-01", spent_nano=2 * 10**9)
    return key


def asked(gateway: "LiveGateway", key: str) -> int:
    """The status of a request with a key."""
    return httpx2.get(
        f"{gateway.base_url}/models", headers={"Authorization": f"Bearer {key}"}, trust_env=False
    ).status_code


def test_a_key_is_created_copied_used_and_revoked(
    issued: "Issued", gateway: "LiveGateway", page: "Page", complaints: list[str]
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/admin/sessions_store/key/add/")
    page.fill("#id_name", "browser key")
    page.click(".field-project .select2-selection")
    page.fill(".select2-search__field", "Default")
    page.click(".select2-results__option--highlighted >> text=Default")
    page.select_option("#id_strict", "on")
    page.click("input[name=_save]")
    key = page.inner_text(".secret pre").strip()
    page.click(".secret .copy")
    page.wait_for_selector(".secret .copy >> text=Copied")
    assert page.evaluate("navigator.clipboard.readText()") == key
    assert asked(gateway, key) == 200

    page.reload()
    page.wait_for_selector("text=A key is shown once")
    assert key not in page.content()
    assert page.is_checked("#id_scopes_0") is False
    assert page.input_value("#id_strict") == "on"

    page.click(".object-tools >> text=Revoke >> nth=0")
    page.fill("#id_password", PASSWORD)
    page.click("input.danger")
    page.wait_for_selector("h1 .badge.bad")
    assert asked(gateway, key) == 401
    assert complaints == []


def test_a_list_of_keys_is_filtered_by_a_searched_project(long_names: Key, page: "Page", complaints: list[str]) -> None:
    page.goto("/admin/sessions_store/key/")
    page.click("summary:has-text('Project')")
    page.click(".search-filter >> visible=true >> .select2-selection")
    page.fill(".select2-search__field", LONG[:20])
    page.click(f".select2-results__option--highlighted >> text={LONG[:20]}")
    page.click(".search-filter >> visible=true >> input[type=submit]")
    page.wait_for_selector(f"summary:has-text('{LONG[:20]}')")
    assert page.locator("#result_list tbody tr").count() == 1
    assert complaints == []


def test_the_form_of_a_budget_shows_the_field_of_its_scope_only(page: "Page", complaints: list[str]) -> None:
    page.goto("/admin/sessions_store/budget/add/")
    for scope, shown in (("gateway", []), ("project", ["project"]), ("principal", ["principal"]), ("key", ["key"])):
        page.select_option("#id_scope", scope)
        visible = [
            name for name in ("project", "principal", "key") if page.is_visible(f".form-row.field-{name} .select2")
        ]
        assert visible == shown
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_pages_of_long_names_fit_the_window_in_both_themes(
    long_names: Key, page: "Page", complaints: list[str], theme: str, width: int
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    key, project = f"key/{long_names.pk}", f"project/{long_names.project_id}"
    paths = ["key/", "key/add/", f"{key}/change/", f"{key}/rotate/", f"{key}/revoke/", "key/admin-key/"]
    paths += ["project/", "project/add/", f"{project}/change/", f"{project}/archive/", "organization/1/change/"]
    paths += ["ratelimit/", "ratelimit/add/", "budget/", "budget/add/", "budget/tree/", "organization/keyless/"]
    paths += [f"ratelimit/refusal/?key={long_names.pk}&model=gpt-4", f"key/?project={long_names.project_id}", "user/"]
    for path in paths:
        page.goto(f"/admin/sessions_store/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in background[4:-1].split(",")) < 200) is (theme == "dark"), path
    assert complaints == []
