"""The admin site for operators, one module per page. Django's autodiscovery imports this package,
which registers them.
"""

from sessions_store.admin.pages import (
    chat_sessions,
    groups,
    mappings,
    stored_objects,
    upstream_models,
    usage_days,
    usage_records,
    users,
)
from sessions_store.admin.pages.access import gateway_settings, keys, projects
from sessions_store.admin.pages.limits import budgets, rate_limits

__all__ = [
    "budgets",
    "chat_sessions",
    "gateway_settings",
    "groups",
    "keys",
    "mappings",
    "projects",
    "rate_limits",
    "stored_objects",
    "upstream_models",
    "usage_days",
    "usage_records",
    "users",
]
