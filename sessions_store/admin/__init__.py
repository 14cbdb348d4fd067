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

__all__ = [
    "chat_sessions",
    "groups",
    "mappings",
    "stored_objects",
    "upstream_models",
    "usage_days",
    "usage_records",
    "users",
]
