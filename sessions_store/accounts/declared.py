"""A declared configuration: gateway policy, projects, keys, model mappings, rate limits and budgets, from one document.

`apply` creates what is absent and changes what differs, in one transaction; it deletes nothing. Rows are identified by
their names: a project by its name, a key by project and name, a mapping by its requested model, a limit by its subject
and model, a budget by its name, subject and model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models, transaction

from sessions_store.accounts.bootstrap import key_problem
from sessions_store.accounts.issuing import (
    IssuingError,
    NewKey,
    create_key,
    create_project,
    create_service_account,
    revoke_key,
)
from sessions_store.accounts.policy import PolicyError, parse_policy
from sessions_store.budgets.windows import recount_after_edit
from sessions_store.models import Budget, Key, ModelMapping, Organization, Project, RateLimit, User
from sessions_store.models.access.key import with_predecessors
from sessions_store.models.access.project import DEFAULT_PROJECT
from sessions_store.models.access.subject import Scope

NANO: Final = 1_000_000_000
SECTIONS: Final = ("gateway", "projects", "keys", "mappings", "limits", "budgets")
_LIMITS: Final = (
    *("requests_per_minute", "requests_per_day", "tokens_per_minute", "tokens_per_day", "images_per_minute"),
    "concurrent_requests",
)
_BUDGET: Final = ("period", "time_zone", "week_start", "enforcement", "thresholds", "enabled")
_MAPPING: Final = ("upstream_model", "position", "enabled", "defaults", "description")
_KEY: Final = ("name", "project", "owner", "policy", "expires_at", "revoked", "value")


class DeclarationError(ValueError):
    """The document is invalid; the message names the entry."""


@dataclass(slots=True)
class Applied:
    """The changes of one run as lines of text, and the new keys by name. A dry run creates no lasting keys."""

    lines: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)


def apply(document: Mapping[str, Any], *, dry_run: bool) -> Applied:
    """Apply a document, or with `dry_run` only report the changes. Raises DeclarationError; nothing is changed then."""
    if unknown := sorted(document.keys() - set(SECTIONS)):
        raise DeclarationError(f"Unknown section “{unknown[0]}”. Sections: {', '.join(SECTIONS)}.")
    applied = Applied()
    with transaction.atomic():
        gateway = document.get("gateway", {})
        _known("gateway", gateway, ("policy",))
        if "policy" in gateway:
            _apply_gateway(gateway["policy"], applied)
        for section, apply_entry in _APPLY.items():
            for name, entry in _entries(document, section):
                try:
                    apply_entry(entry, applied)
                except ValidationError as error:
                    raise DeclarationError(f"{name}: {' '.join(error.messages)}") from None
                except (IssuingError, PolicyError, DeclarationError) as error:
                    raise DeclarationError(f"{name}: {error}") from None
        if dry_run:
            transaction.set_rollback(True)
            applied.keys.clear()
    return applied


def _entries(document: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = document.get(section, [])
    if not isinstance(entries, list):
        raise DeclarationError(f"“{section}” must be a list of tables.")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, Mapping):
            raise DeclarationError(f"{section} {number} must be a table.")
        yield f"{section} {number}", entry


def _known(name: str, entry: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    if unknown := sorted(entry.keys() - set(fields)):
        raise DeclarationError(f"Unknown field “{unknown[0]}” in {name}. Fields: {', '.join(fields)}.")


def _apply_gateway(policy: Any, applied: Applied) -> None:
    try:
        parse_policy(policy)
    except PolicyError as error:
        raise DeclarationError(f"gateway: {error}") from None
    organization, _ = Organization.objects.get_or_create(pk=1)
    _change(organization, {"policy": policy}, "gateway", applied)


def _apply_project(entry: Mapping[str, Any], applied: Applied) -> None:
    _known("projects", entry, ("name", "policy"))
    name, policy = _text(entry, "name"), entry.get("policy", {})
    project = Project.objects.filter(name=name).first()
    if project is None:
        create_project(name, policy)
        applied.lines.append(f"create project “{name}”")
        return
    parse_policy(policy)
    if "policy" in entry:
        _change(project, {"policy": policy}, f"project “{name}”", applied)


def _apply_key(entry: Mapping[str, Any], applied: Applied) -> None:
    _known("keys", entry, _KEY)
    name, project = _text(entry, "name"), _project(entry.get("project"))
    policy = entry.get("policy", {})
    parse_policy(policy)
    label = f"key “{name}” of project “{project.name}”"
    row = Key.objects.filter(name=name, project=project, successor=None).order_by("-pk").first()
    if row is None:
        if entry.get("revoked"):
            return
        value = entry.get("value", "")
        if value and (problem := key_problem(value, "client")):
            raise DeclarationError(f"The value {problem}. Make one with: manage.py create_key --generate")
        owner = _owner(entry, project, name)
        wanted = NewKey(name=name, principal=owner, project=project, policy=policy, expires_at=entry.get("expires_at"))
        _, secret = create_key(wanted, secret=value)
        applied.lines.append(f"create {label}")
        if not value:
            applied.keys[label] = secret
        return
    if entry.get("revoked"):
        if row.revoked_at is None:
            revoke_key(row)
            applied.lines.append(f"revoke {label}")
        return
    wanted_values = {column: entry[column] for column in ("policy", "expires_at") if column in entry}
    _change(row, wanted_values, label, applied)


def _apply_mapping(entry: Mapping[str, Any], applied: Applied) -> None:
    _known("mappings", entry, ("public_name", *_MAPPING))
    name = _text(entry, "public_name")
    row = ModelMapping.objects.filter(public_name=name).first()
    values = {column: entry[column] for column in _MAPPING if column in entry}
    if row is None:
        _create(ModelMapping(public_name=name, **values), f"mapping “{name}”", applied)
    else:
        _change(row, values, f"mapping “{name}”", applied)


def _apply_limit(entry: Mapping[str, Any], applied: Applied) -> None:
    _known("limits", entry, ("project", "key", "account", "model", *_LIMITS))
    subject = _subject(entry)
    values = {column: entry[column] for column in _LIMITS if column in entry}
    label = f"limit of {_subject_label(entry)}"
    row = RateLimit.objects.filter(**_in_force(subject)).order_by("-pk").first()
    if row is None:
        _create(RateLimit(**subject, **values), label, applied)
    else:
        _change(row, values, label, applied)


def _apply_budget(entry: Mapping[str, Any], applied: Applied) -> None:
    _known("budgets", entry, ("name", "project", "key", "account", "model", "usd", *_BUDGET))
    name = _text(entry, "name")
    try:
        amount = int(Decimal(str(entry["usd"])) * NANO)
    except (KeyError, InvalidOperation, ValueError, OverflowError):
        raise DeclarationError("“usd” must be an amount, such as 20 or 2.50.") from None
    values = {"amount_nano": amount, **{column: entry[column] for column in _BUDGET if column in entry}}
    subject = _subject(entry)
    row = Budget.objects.filter(name=name, **_in_force(subject)).order_by("-pk").first()
    if row is None:
        _create(Budget(name=name, **subject, **values), f"budget “{name}”", applied)
    else:
        recount_after_edit(row, _change(row, values, f"budget “{name}”", applied))


def _create(row: models.Model, label: str, applied: Applied) -> None:
    row.full_clean()
    row.save()
    applied.lines.append(f"create {label}")


def _change(row: models.Model, values: Mapping[str, Any], label: str, applied: Applied) -> list[str]:
    """Set the columns that differ, and return their names."""
    changed = [column for column, value in values.items() if getattr(row, column) != value]
    if not changed:
        return changed
    for column in changed:
        setattr(row, column, values[column])
    row.full_clean()
    row.save()
    applied.lines.append(f"change {label}: {', '.join(changed)}")
    return changed


def _subject(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the subject that an entry names; without one, the gateway."""
    model = {"model_pattern": entry.get("model", "")}
    if "key" in entry:
        project = _project(entry.get("project"))
        key = Key.objects.filter(name=entry["key"], project=project, successor=None).order_by("-pk").first()
        if key is None:
            raise DeclarationError(f"No key “{entry['key']}” in project “{project.name}”.")
        return {"scope": Scope.KEY, "key": key, **model}
    if "account" in entry:
        return {"scope": Scope.PRINCIPAL, "principal": _account(entry["account"]), **model}
    if "project" in entry:
        return {"scope": Scope.PROJECT, "project": _project(entry["project"]), **model}
    return {"scope": Scope.GATEWAY, **model}


def _in_force(subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return the condition of the rows that apply to a subject: those of a key apply to its successors too."""
    columns = dict(subject)
    key: Key | None = columns.pop("key", None)
    return columns if key is None else {**columns, "key__in": with_predecessors(key.pk)}


def _subject_label(entry: Mapping[str, Any]) -> str:
    named = [f"{kind} “{entry[kind]}”" for kind in ("key", "account", "project") if kind in entry] or ["the gateway"]
    return ", ".join([*named, *([f"model “{entry['model']}”"] if entry.get("model") else [])])


def _project(name: Any) -> Project:
    if name is None:
        return Project.objects.get(public_id=DEFAULT_PROJECT)
    found = list(Project.objects.filter(public_id=name) or Project.objects.filter(name=name))
    if len(found) != 1:
        raise DeclarationError(f"{'Several projects have' if found else 'No project has'} the id or name “{name}”.")
    return found[0]


def _owner(entry: Mapping[str, Any], project: Project, name: str) -> User:
    return _account(entry["owner"]) if "owner" in entry else create_service_account(project, name)


def _account(username: Any) -> User:
    found = User.objects.filter(username=username).first()
    if found is None:
        raise DeclarationError(f"No account has the user name “{username}”.")
    return found


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DeclarationError(f"“{name}” is required.")
    return value


_APPLY: Final = {
    "projects": _apply_project,
    "keys": _apply_key,
    "mappings": _apply_mapping,
    "limits": _apply_limit,
    "budgets": _apply_budget,
}
