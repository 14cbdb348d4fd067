"""The tree gateway → project → account → key, with the rate limits and budgets of each subject."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from sessions_store.admin.display.limits.budget_windows import Spending, spendings
from sessions_store.admin.display.limits.limit_usage import limit_texts
from sessions_store.models import Budget, Key, Project, RateLimit, User
from sessions_store.models.access.subject import Scope, Subject

MOST_ROWS: Final = 300
ROOT: Final = (Scope.GATEWAY.value, 0)


@dataclass(slots=True, kw_only=True)
class Node:
    """A subject with its limits and budgets, and the subjects below it."""

    kind: str
    name: str
    link: str = ""
    limits: list[tuple[str, list[str], int]] = field(default_factory=list)
    budgets: list[Spending] = field(default_factory=list)
    children: dict[tuple[str, int], "Node"] = field(default_factory=dict)

    def sorted_children(self) -> list["Node"]:
        """The children by kind and name."""
        return sorted(self.children.values(), key=lambda node: (node.kind, node.name.casefold()))


def tree_page(request: HttpRequest) -> HttpResponse:
    """Return the page, with at most MOST_ROWS limits and budgets each."""
    may_see_limits = request.user.has_perm("sessions_store.view_ratelimit")
    if not request.user.has_perm("sessions_store.view_budget"):
        raise PermissionDenied
    tree = _Tree(request)
    related = ("project", "principal__service_of", "key__project", "key__principal")
    budgets = list(Budget.objects.filter(enabled=True).select_related(*related)[: MOST_ROWS + 1])
    for spending in spendings(budgets[:MOST_ROWS], timezone.now()):
        tree.node_of(spending.budget).budgets.append(spending)
    limits = list(RateLimit.objects.select_related(*related)[: MOST_ROWS + 1]) if may_see_limits else []
    for row in limits[:MOST_ROWS]:
        tree.node_of(row).limits.append((row.model_pattern, limit_texts(row), row.pk))
    context = {
        **admin.site.each_context(request),
        "title": "Limits and budgets",
        "opts": Budget._meta,
        "node": tree.root,
        "empty": not budgets and not limits,
        "cut": max(len(budgets), len(limits)) > MOST_ROWS,
        "most": MOST_ROWS,
        "may_see_limits": may_see_limits,
        "may_add_budget": request.user.has_perm("sessions_store.add_budget"),
    }
    return TemplateResponse(request, "gateway/limit_tree.html", context)


class _Tree:
    """Places each subject below its project and its account."""

    def __init__(self, request: HttpRequest) -> None:
        self.root = Node(kind="gateway", name="Gateway")
        models: tuple[type[Any], ...] = (Project, User, Key)
        self._linked = {
            model for model in models if request.user.has_perm(f"sessions_store.view_{model._meta.model_name}")
        }

    def node_of(self, row: Subject) -> Node:
        """Return the node of a row's subject, with the nodes above it."""
        node = self.root
        for kind, subject in _path(row):
            key = (kind, subject.pk)
            if key not in node.children:
                node.children[key] = Node(kind=kind, name=str(subject), link=self._link(subject))
            node = node.children[key]
        return node

    def _link(self, subject: Any) -> str:
        if type(subject) not in self._linked:
            return ""
        return reverse(f"admin:sessions_store_{subject._meta.model_name}_change", args=[subject.pk])


def _path(row: Subject) -> Iterator[tuple[str, Any]]:
    """Yield the subjects from the one below the gateway to the row's own.

    A person's account stands below the gateway: it may own keys of several projects.
    """
    subject = row.subject
    if isinstance(subject, Key):
        if subject.project is not None:
            yield "project", subject.project
        yield "account", subject.principal
        yield "key", subject
    elif isinstance(subject, User):
        if subject.service_of is not None:
            yield "project", subject.service_of
        yield "account", subject
    elif isinstance(subject, Project):
        yield "project", subject
