"""Registers the gateway's own admin site.

Django loads application configurations before models, so this module stands outside `sessions_store.admin`, which
imports models.
"""

from django.contrib.admin.apps import AdminConfig


class GatewayAdminConfig(AdminConfig):
    """Replaces `django.contrib.admin` in INSTALLED_APPS."""

    default_site = "sessions_store.admin_site.GatewayAdminSite"
