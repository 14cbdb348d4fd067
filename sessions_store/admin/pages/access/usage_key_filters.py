"""The filters of the usage records by project and by key; the latter has an index (`usage_of_key`)."""

from sessions_store.admin.pages.autocomplete_filter import AutocompleteFilter


class ProjectFilter(AutocompleteFilter):
    """The project of a request."""

    title = "project"
    parameter_name = "project"
    column = "project"


class KeyFilter(AutocompleteFilter):
    """The key of a request."""

    title = "key"
    parameter_name = "key"
    column = "key"
