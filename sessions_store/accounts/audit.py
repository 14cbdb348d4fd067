"""The audit log: Django's log of the admin site, to which the administration API writes its changes as well.

An entry of the API has its event and its actor in Django's change message, beside the part that the admin displays. No
entry contains a key or another secret.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet

from sessions_store.models import Budget, Key, Project, User

PREFIX: Final = "audit_log-"
_AUDIT: Final = "audit"
_SHOWN: Final = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}
_FLAGS: Final = {"created": ADDITION, "deleted": DELETION, "archived": CHANGE, "updated": CHANGE}
# OpenAI's events for entries of the admin site, by model: added, changed, deleted.
_EVENTS: Final = {
    "key": ("api_key.created", "api_key.updated", "api_key.deleted"),
    "project": ("project.created", "project.updated", "project.deleted"),
    "ratelimit": ("rate_limit.updated", "rate_limit.updated", "rate_limit.deleted"),
    "user": ("user.added", "user.updated", "user.deleted"),
}
# The models whose rows have an id of OpenAI's form.
_PUBLIC: Final[Mapping[str, type[Model]]] = {"key": Key, "project": Project, "user": User, "budget": Budget}
_CHUNK: Final = 500
_OTHER_EVENTS: Final = ("organization.updated", "organization.updated", "resource.deleted")


class Actor(NamedTuple):
    """Who makes a change: the owner of an admin key, the key's public id, and the address of the client."""

    principal_id: int
    key: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change: OpenAI's event type (`project.created`), the changed row, its public id, its project, and the requested
    values, which must not contain secrets.
    """

    event: str
    target: Model
    public_id: str
    project: Project | None = None
    requested: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One entry of the log. `key` is the admin key of the actor, "" for a session of the admin site."""

    id: str
    event: str
    at: datetime
    actor: User
    key: str
    address: str
    target: str
    project: str
    project_name: str
    requested: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to read, newest first; an empty filter permits all. `bounds` are comparisons of the time."""

    bounds: Mapping[str, datetime] = field(default_factory=dict)
    events: Sequence[str] = ()
    projects: Sequence[str] = ()
    actors: Sequence[str] = ()
    emails: Sequence[str] = ()
    targets: Sequence[str] = ()

    def permits(self, event: AuditEvent) -> bool:
        """Whether an entry passes the filters other than the time and the actor's e-mail address."""
        return (
            (not self.events or event.event in self.events)
            and (not self.projects or event.project in self.projects)
            and (not self.actors or bool({event.actor.public_id, event.key} & set(self.actors)))
            and (not self.targets or event.target in self.targets)
        )


def log_change(actor: Actor, change: Change) -> None:
    """Write a change of the administration API to the log, in the caller's transaction."""
    flag = _FLAGS[change.event.rpartition(".")[2]]
    project = change.project
    audit = {
        "event": change.event,
        "key": actor.key,
        "address": actor.address,
        "target": change.public_id,
        "project": "" if project is None else project.public_id,
        "project_name": "" if project is None else project.name,
        "requested": change.requested,
    }
    shown = {"fields": sorted(change.requested)} if flag == CHANGE else {}
    LogEntry.objects.create(
        user_id=actor.principal_id,
        content_type=ContentType.objects.get_for_model(change.target),
        object_id=str(change.target.pk),
        object_repr=str(change.target)[:200],
        action_flag=flag,
        change_message=json.dumps([{_SHOWN[flag]: shown, _AUDIT: audit}]),
    )


def read_events(wanted: AuditFilter, *, after: int | None, before: int | None, limit: int) -> list[AuditEvent]:
    """Return up to `limit` entries, newest first: older than the entry `after`, or the nearest newer than `before`."""
    found: list[AuditEvent] = []
    entries = _entries(wanted)
    if after is not None:
        entries = entries.filter(pk__lt=after)
    entries = entries.order_by("-pk") if before is None else entries.filter(pk__gt=before).order_by("pk")
    for event in _events(entries):
        if wanted.permits(event):
            found.append(event)
            if len(found) == limit:
                break
    return found if before is None else found[::-1]


def _entries(wanted: AuditFilter) -> QuerySet[LogEntry]:
    condition = Q(**{f"action_time__{comparison}": time for comparison, time in wanted.bounds.items()})
    if wanted.emails:
        condition &= Q(user__email__in=wanted.emails)
    return LogEntry.objects.filter(condition).select_related("user", "content_type")


def _events(entries: QuerySet[LogEntry]) -> Iterator[AuditEvent]:
    rows = entries.iterator(chunk_size=_CHUNK)
    while chunk := list(islice(rows, _CHUNK)):
        yield from _chunk_events(chunk)


def _chunk_events(entries: Sequence[LogEntry]) -> Iterator[AuditEvent]:
    written = {entry.pk: _audit_of(entry.change_message) for entry in entries}
    targets = _targets(entry for entry in entries if not written[entry.pk])
    for entry in entries:
        audit = written[entry.pk] or targets.get((_model_of(entry), str(entry.object_id)), {})
        yield AuditEvent(
            id=f"{PREFIX}{entry.pk}",
            event=audit.get("event") or _event_of(entry),
            at=entry.action_time.astimezone(UTC),
            actor=entry.user,
            key=audit.get("key", ""),
            address=audit.get("address", ""),
            target=audit.get("target") or str(entry.object_id or ""),
            project=audit.get("project", ""),
            project_name=audit.get("project_name", ""),
            requested=audit.get("requested", {}),
        )


def _targets(entries: Iterable[LogEntry]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return public id and project of the changed rows of the admin site, by model and primary key; a query per model.
    A deleted row has none.
    """
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        if (model := _model_of(entry)) in _PUBLIC:
            wanted.setdefault(model, set()).add(str(entry.object_id))
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for model, ids in wanted.items():
        rows = _PUBLIC[model]._default_manager.filter(pk__in=ids)
        for row in rows.select_related("project") if model == "key" else rows:
            project = row if isinstance(row, Project) else getattr(row, "project", None)
            target = {"target": getattr(row, "public_id", None) or ""}
            if project is not None:
                target |= {"project": project.public_id, "project_name": project.name}
            found[model, str(row.pk)] = target
    return found


def _model_of(entry: LogEntry) -> str:
    return "" if entry.content_type is None else entry.content_type.model


def _audit_of(message: str) -> Mapping[str, Any]:
    """Return the part of a change message that the administration API wrote; empty for the admin's own messages."""
    try:
        parts = json.loads(message)
    except ValueError:
        return {}
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and isinstance(found := part.get(_AUDIT), dict):
            return found
    return {}


def _event_of(entry: LogEntry) -> str:
    """Return OpenAI's event of an entry of the admin site."""
    events = _EVENTS.get(_model_of(entry), _OTHER_EVENTS)
    return events[{ADDITION: 0, CHANGE: 1, DELETION: 2}.get(entry.action_flag, 1)]
