"""The URLs of the Administration API. Ids of rate limits may contain slashes, which SDKs send as `%2F`."""

from django.urls import path

from api.openai.organization.usage import FAMILIES
from api.views.organization.admin_keys import AdminKeysView, AdminKeyView
from api.views.organization.audit_logs import AuditLogsView
from api.views.organization.policies import DataRetentionView, ModelPermissionsView, ProjectDataRetentionView
from api.views.organization.project_keys import ProjectKeysView, ProjectKeyView
from api.views.organization.projects import ArchiveView, ProjectsView, ProjectView
from api.views.organization.rate_limits import RateLimitsView, RateLimitView
from api.views.organization.service_accounts import (
    ServiceAccountKeysView,
    ServiceAccountsView,
    ServiceAccountView,
)
from api.views.organization.spending import spend_alert_view, spend_alerts_view, spend_limit_view
from api.views.organization.usage import CostsView, usage_view
from api.views.organization.users import UsersView, UserView

_PROJECT = "v1/organization/projects/<str:project>"

urlpatterns = [
    *(path(f"v1/organization/usage/{family.name}", usage_view(family).as_view()) for family in FAMILIES.values()),
    path("v1/organization/costs", CostsView.as_view()),
    path("v1/organization/admin_api_keys", AdminKeysView.as_view()),
    path("v1/organization/admin_api_keys/<str:key>", AdminKeyView.as_view()),
    path("v1/organization/users", UsersView.as_view()),
    path("v1/organization/users/<str:user>", UserView.as_view()),
    path("v1/organization/audit_logs", AuditLogsView.as_view()),
    path("v1/organization/data_retention", DataRetentionView.as_view()),
    path("v1/organization/spend_limit", spend_limit_view("Organization").as_view()),
    path("v1/organization/spend_alerts", spend_alerts_view("Organization").as_view()),
    path("v1/organization/spend_alerts/<str:alert>", spend_alert_view("Organization").as_view()),
    path("v1/organization/projects", ProjectsView.as_view()),
    path(_PROJECT, ProjectView.as_view()),
    path(f"{_PROJECT}/archive", ArchiveView.as_view()),
    path(f"{_PROJECT}/api_keys", ProjectKeysView.as_view()),
    path(f"{_PROJECT}/api_keys/<str:key>", ProjectKeyView.as_view()),
    path(f"{_PROJECT}/service_accounts", ServiceAccountsView.as_view()),
    path(f"{_PROJECT}/service_accounts/<str:account>", ServiceAccountView.as_view()),
    path(f"{_PROJECT}/service_accounts/<str:account>/api_keys", ServiceAccountKeysView.as_view()),
    path(f"{_PROJECT}/rate_limits", RateLimitsView.as_view()),
    path(f"{_PROJECT}/rate_limits/<path:limit>", RateLimitView.as_view()),
    path(f"{_PROJECT}/model_permissions", ModelPermissionsView.as_view()),
    path(f"{_PROJECT}/data_retention", ProjectDataRetentionView.as_view()),
    path(f"{_PROJECT}/spend_limit", spend_limit_view("Project").as_view()),
    path(f"{_PROJECT}/spend_alerts", spend_alerts_view("Project").as_view()),
    path(f"{_PROJECT}/spend_alerts/<str:alert>", spend_alert_view("Project").as_view()),
]
