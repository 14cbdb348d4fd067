"""The admin site: its name, the order of its menu, the upstream shown on every page, and its start page."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

# The menu: a heading and its models; each model with its menu label.
SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Models", (("ModelMapping", "Model mappings"), ("UpstreamModel", "Gemini models & prices"))),
    (
        "Conversations",
        (
            ("ChatSession", "Chat sessions"),
            ("StoredResponse", "Responses"),
            ("Conversation", "Conversations"),
            ("StoredCompletion", "Stored completions"),
        ),
    ),
    ("Usage", (("UsageRecord", "Requests"), ("UsageDay", "Cost & usage"))),
    (
        "Access",
        (
            ("Key", "Keys"),
            ("Project", "Projects"),
            ("Budget", "Budgets"),
            ("RateLimit", "Rate limits"),
            ("Organization", "Gateway settings"),
        ),
    ),
    ("People", (("User", "Accounts"), ("Group", "Groups"))),
)
UPSTREAM_NAMES = {"gemini": "Gemini API", "vertex": "Vertex AI", "emulator": "Emulator"}


class GatewayAdminSite(admin.AdminSite):
    """Django's admin site for operators of the gateway."""

    site_header = "Gemini Gateway"
    site_title = "Gemini Gateway"
    index_title = "Overview"
    index_template = "gateway/start_page.html"
    site_url = None
    empty_value_display = "\N{EN DASH}"
    sections: ClassVar = SECTIONS

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the context of every page: the upstream in use, and whether requests without a key are accepted."""
        return {
            **super().each_context(request),
            "upstream": settings.GEMINI_UPSTREAM,
            "upstream_name": UPSTREAM_NAMES.get(settings.GEMINI_UPSTREAM, settings.GEMINI_UPSTREAM),
            "open_to_all": settings.ALLOW_INSECURE_KEYLESS and not (settings.REQUIRE_KEY or _keyed()),
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the menu by SECTIONS; models without a section follow in Django's order."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        found = {model["object_name"]: (model, app) for app in apps for model in app["models"]}
        menu = []
        for heading, entries in self.sections:
            models = [found.pop(name)[0] | {"name": label} for name, label in entries if name in found]
            if models:
                first = models[0]
                menu.append(
                    {
                        "name": heading,
                        "app_label": heading.lower(),
                        "app_url": first["admin_url"],
                        "has_module_perms": True,
                        "models": models,
                    }
                )
        rest = [app | {"models": [model for model in app["models"] if model["object_name"] in found]} for app in apps]
        return menu + [app for app in rest if app["models"]]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Log in by Django's form, with the delay after many failed attempts (`login_throttle`)."""
        from sessions_store.admin.pages.login import LoginForm, finish_login, no_account_exists

        self.login_form = LoginForm
        context = {"no_account": request.method == "GET" and no_account_exists()}
        return finish_login(request, super().login(request, {**context, **(extra_context or {})}))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The start page: the state of the gateway."""
        from sessions_store.admin.pages.start_page import start_page

        return super().index(request, {**(extra_context or {}), **start_page(request)})


def _keyed() -> bool:
    """Whether a client key exists or existed: requests without a key are rejected."""
    from sessions_store.catalogue.loaded import snapshot

    return snapshot().access.keyed
