"""The start page: totals from the roll-ups, settings, mappings to retired models, and code examples."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from sessions_store.admin.display.chart import hourly_chart
from sessions_store.admin.display.end_users import end_users
from sessions_store.admin.display.formats import NOTHING
from sessions_store.admin.display.retirements import mapping_warnings
from sessions_store.admin.display.usage_totals import hours_until, largest, totals, totals_by
from sessions_store.models import ModelMapping, Organization, UsageDay, UsageHour, UsageRecord, User

MOST = 5
# Usage records that the card of the end users reads at most: 0.1 s on SQLite.
END_USER_ROWS = 10_000
ANY_KEY = "dummy-key"
FAVOURITE = "gpt-4"


def start_page(request: HttpRequest) -> dict[str, Any]:
    """Return the template's context, without anything that the operator may not view."""
    now = timezone.now()
    keyed = Organization.objects.filter(keyed_at__isnull=False).exists()
    context: dict[str, Any] = {
        "facts": _facts(keyed=keyed),
        "snippets": _snippets(request, keyed=keyed or settings.REQUIRE_KEY),
        "first_key": not keyed and request.user.has_perm("sessions_store.add_key"),
        "may_see_usage": request.user.has_perm("sessions_store.view_usageday"),
        "may_see_records": request.user.has_perm("sessions_store.view_usagerecord"),
        "may_see_mappings": request.user.has_perm("sessions_store.view_modelmapping"),
    }
    if context["may_see_mappings"]:
        context["mapping_warnings"] = mapping_warnings(now.date())
    if context["may_see_usage"]:
        context |= _usage(now)
        if context["may_see_records"]:
            context["end_users"] = end_users(now - timedelta(hours=24), most=MOST, rows=END_USER_ROWS)
    return context


def _usage(now: datetime) -> dict[str, Any]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = UsageDay.objects.filter(bucket=midnight)
    last_hours = UsageHour.objects.filter(
        bucket__gte=now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    )
    principals = largest(totals_by(today, "principal_id"), most=MOST)
    names = User.objects.in_bulk([key for key, _ in principals])
    return {
        "today": f"{now:%Y-%m-%d}",
        "periods": (("Today", f"{now:%Y-%m-%d}", totals(today)), ("Last 24 hours", "24h", totals(last_hours))),
        "chart": hourly_chart(hours_until(now)),
        "top_models": largest(totals_by(today, "upstream_model"), most=MOST),
        "top_users": [(names.get(key, NOTHING), total) for key, total in principals],
        "never_used": not UsageRecord.objects.exists(),
    }


def _facts(*, keyed: bool) -> list[tuple[str, str]]:
    """Return (name, value) pairs of the most important settings."""
    if keyed or settings.REQUIRE_KEY:
        keys = "Every request needs a client key."
    elif settings.ALLOW_INSECURE_KEYLESS:
        keys = "No key needed. Anyone who can reach this server can use it."
    else:
        keys = "No key needed. Only programs on this machine can connect."
    idle = timedelta(seconds=settings.SESSION_IDLE_SECONDS)
    memory = (
        f"New session after {_span(idle)} without messages. Each request sends at most the last "
        f"{settings.SESSION_MAX_MESSAGES:,} messages / {settings.SESSION_MAX_TOKENS:,} tokens."
        if settings.MEMORY_ENABLED
        else "Off: requests do not continue earlier chats."
    )
    return [
        ("Client keys", keys),
        ("Memory", memory),
        ("Database", {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor)),
        ("Address", f"{settings.HOST}:{settings.PORT}"),
    ]


def _span(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours:g} h" if hours >= 1 else f"{length.total_seconds() / 60:g} min"


def _snippets(request: HttpRequest, *, keyed: bool) -> list[tuple[str, str]]:
    """Return (title, text) of the examples, with the base URL of this page."""
    base = request.build_absolute_uri("/v1")
    key = "YOUR-CLIENT-KEY" if keyed else ANY_KEY
    model = ModelMapping.objects.filter(public_name=FAVOURITE, enabled=True).values_list(
        "public_name", flat=True
    ).first() or next(
        (row.public_name for row in ModelMapping.objects.filter(enabled=True) if not row.is_pattern),
        "gemini-flash-latest",
    )
    curl = (
        f"curl {base}/chat/completions \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"""  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""
    )
    python = (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{base}", api_key="{key}")\n'
        "completion = client.chat.completions.create(\n"
        f'    model="{model}",\n'
        '    messages=[{"role": "user", "content": "Hello!"}],\n'
        '    user="ada",  # continues this user\'s chat\n'
        ")\n"
        "print(completion.choices[0].message.content)"
    )
    langchain = (
        "from langchain_openai import ChatOpenAI\n\n"
        f'llm = ChatOpenAI(model="{model}", base_url="{base}", api_key="{key}")\n'
        'print(llm.invoke("Hello!").content)'
    )
    return [("curl", curl), ("Python", python), ("LangChain", langchain)]
