"""Groups: rights that several operators have in common."""

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group

from sessions_store.admin.pages.page import Page

admin.site.unregister(Group)


@admin.register(Group)
class GroupPage(auth_admin.GroupAdmin, Page[Group]):
    """Django's own, under our kind of title."""

    list_intro = (
        "A group gives its members rights: “view usage record” for the costs, for example, and “view message” for what "
        "was said. Superusers need none."
    )
    list_empty = "No group yet. Rights can be given to single users as well."
