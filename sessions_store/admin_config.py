"""Django's admin with our own site. This stands outside `sessions_store.admin` because applications are configured
before any model, and thus before any page, may be imported.
"""

from django.contrib.admin.apps import AdminConfig


class GatewayAdminConfig(AdminConfig):
    """Goes into INSTALLED_APPS in the place of `django.contrib.admin`."""

    default_site = "sessions_store.admin_site.GatewayAdminSite"
