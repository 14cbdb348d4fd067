"""Groups of operators with common permissions."""

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group

from sessions_store.admin.pages.page import Page

admin.site.unregister(Group)


@admin.register(Group)
class GroupPage(auth_admin.GroupAdmin, Page[Group]):
    """Django's page with the gateway's title."""

    list_intro = (
        "A group gives permissions to its members, for example “view usage record” for costs and “view message” for "
        "transcripts. The first groups are Viewer (figures), Auditor (figures and content), Operator (keys, mappings, "
        "limits), Finance (prices, budgets) and Owner (everything). Superusers have all permissions."
    )
    list_empty = "No groups yet. An account can also have permissions of its own."
