"""The groups Viewer, Auditor, Operator, Finance and Owner; an existing group keeps its permissions."""

from typing import Any

from django.db import migrations

from sessions_store.accounts.groups import seed_groups


def forwards(apps: Any, schema_editor: Any) -> None:
    """Add the groups that are absent."""
    seed_groups(apps)


class Migration(migrations.Migration):
    """Needs the tables of permissions, and those of all models that the permissions are for."""

    dependencies = [
        ("sessions_store", "0020_usage_of_keys"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
