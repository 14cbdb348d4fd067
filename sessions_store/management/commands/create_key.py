"""`manage.py create_key`: creates a client key or an admin key and prints it once."""

from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from sessions_store.accounts.issuing import IssuingError, NewKey, create_key, create_service_account
from sessions_store.accounts.key_form import new_key
from sessions_store.accounts.policy import PolicyError
from sessions_store.models import Budget, Key, Project, RateLimit, User
from sessions_store.models.access.project import DEFAULT_PROJECT
from sessions_store.models.access.subject import Scope

NANO = 1_000_000_000


class Command(BaseCommand):
    """Prints the key on the standard output, everything else on the standard error output."""

    help = "Create a client key (or with --admin an admin key) and print it. The key is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--name", help="name of the key")
        parser.add_argument("--admin", action="store_true", help="an admin key, for /v1/organization")
        parser.add_argument("--project", default=DEFAULT_PROJECT, help="id or name of the project (default: Default)")
        parser.add_argument("--owner", help="user name of the owner (default: a new service account)")
        parser.add_argument("--models", nargs="+", metavar="PATTERN", help="models that the key may use")
        parser.add_argument("--scopes", nargs="+", metavar="SCOPE", help="scopes such as chat.write, models.read")
        parser.add_argument("--expires-in-days", type=int, metavar="DAYS", help="lifetime (default: no end)")
        parser.add_argument("--requests-per-minute", type=int, metavar="N", help="rate limit")
        parser.add_argument("--tokens-per-minute", type=int, metavar="N", help="rate limit")
        parser.add_argument("--monthly-budget", metavar="USD", help="hard budget per calendar month (UTC)")
        parser.add_argument(
            "--generate", action="store_true", help="only print a new key, for BOOTSTRAP_CLIENT_KEY; store nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the key; raises CommandError for invalid options."""
        if options["generate"]:
            self.stdout.write(new_key("admin" if options["admin"] else "client"))
            return
        if not options["name"]:
            raise CommandError("The option --name is required.")
        try:
            with transaction.atomic():
                row, key = create_key(self._wanted(options))
                self._limit(row, options)
        except (IssuingError, PolicyError, ValidationError) as error:
            raise CommandError(" ".join(getattr(error, "messages", [str(error)]))) from None
        self.stderr.write(f"{row.kind} key {row.public_id} “{row.name}”. It is not shown again:")
        self.stdout.write(key)

    def _wanted(self, options: dict[str, Any]) -> NewKey:
        policy: dict[str, Any] = {}
        if options["models"]:
            policy["models"] = {"mode": "allow_list", "model_ids": options["models"]}
        if options["scopes"]:
            policy["scopes"] = options["scopes"]
        days = options["expires_in_days"]
        if days is not None and days < 1:
            raise CommandError("--expires-in-days must be at least 1.")
        project = None if options["admin"] else _project(options["project"])
        return NewKey(
            name=options["name"],
            principal=_owner(options, project),
            project=project,
            admin=options["admin"],
            policy=policy,
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        )

    def _limit(self, row: Key, options: dict[str, Any]) -> None:
        """Create the rate limit and the budget of the options."""
        limits = {name: options[name] for name in ("requests_per_minute", "tokens_per_minute") if options[name]}
        if limits:
            limit = RateLimit(scope=Scope.KEY, key=row, **limits)
            limit.full_clean()
            limit.save()
        if options["monthly_budget"]:
            try:
                amount = int(Decimal(options["monthly_budget"]) * NANO)
            except (InvalidOperation, ValueError, OverflowError):
                raise CommandError("--monthly-budget must be an amount in USD, such as 20 or 2.50.") from None
            budget = Budget(scope=Scope.KEY, key=row, name=f"{row.name} per month", amount_nano=amount)
            budget.full_clean()
            budget.save()


def _project(name: str) -> Project:
    found = list(Project.objects.filter(public_id=name) or Project.objects.filter(name=name, archived_at=None))
    if len(found) == 1:
        return found[0]
    raise CommandError(f"{'Several projects have' if found else 'No project has'} the id or name “{name}”.")


def _owner(options: dict[str, Any], project: Project | None) -> User:
    if options["owner"]:
        owner = User.objects.filter(username=options["owner"]).first()
        if owner is None:
            raise CommandError(f"No account has the user name “{options['owner']}”.")
        return owner
    if project is None:
        raise CommandError("The option --owner is required for an admin key: the user name of a person.")
    return create_service_account(project, options["name"])
