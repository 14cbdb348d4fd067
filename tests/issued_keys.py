"""Keys and projects for tests of the live gateway."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sessions_store.accounts.issuing import NewKey, create_key, create_project, create_service_account
from sessions_store.models import Budget, Key, Organization, Project, UsageRecord, User
from sessions_store.usage.rollups import rebuild
from tests.exchanges import fresh


class Issued:
    """Creates keys and projects. `remove` deletes what refers to them and opens the gateway for keyless requests."""

    def client_key(self, project: Project | None = None, **policy: Any) -> str:
        """Return a new client key of a new service account, in the default project unless one is given."""
        return self.key(project, **policy)[1]

    def key(self, project: Project | None = None, **policy: Any) -> tuple[Key, str]:
        """Return (row, key) of a new client key."""
        home = project or Project.objects.get(public_id="proj_default")
        owner = create_service_account(home, fresh("program"))
        return create_key(NewKey(name=fresh("key"), principal=owner, project=home, policy=policy))

    def admin_key(self) -> str:
        """Return a new admin key."""
        owner = User.objects.create(username=fresh("admin"))
        return create_key(NewKey(name=fresh("admin key"), principal=owner, admin=True))[1]

    def project(self, **policy: Any) -> Project:
        """Return a new project."""
        return create_project(fresh("project"), policy)

    def remove(self) -> None:
        """Delete the budgets, revoke every key, and reset the mark that closes keyless mode."""
        Budget.objects.all().delete()
        for key in Key.objects.all():
            key.delete()
        for organization in Organization.objects.all():
            organization.keyed_at, organization.policy = None, {}
            organization.save()
        keyed = UsageRecord.objects.filter(key__isnull=False)
        days = set(keyed.dates("started_at", "day"))
        keyed.update(key_id=None)
        for day in days:  # the roll-ups still name the keys
            start = datetime.combine(day, time(), UTC)
            rebuild(start, start + timedelta(days=1))
