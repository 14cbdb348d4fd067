"""What an answer cost, last of all and last in a session, is looked up however often the answer was given. The indexes
take the place of those of the foreign keys, which Django could only drop by copying the table in SQLite.
"""

import django.db.models.deletion
from django.db import migrations, models

TABLE = "sessions_store_usagerecord"
FORMER = {"answer_id": f"{TABLE}_answer_id_818fa410", "session_id": f"{TABLE}_session_id_34976431"}


class Migration(migrations.Migration):
    """Two indexes for two."""

    dependencies = [("sessions_store", "0008_former_answers")]
    operations = [
        migrations.AddIndex("usagerecord", models.Index(fields=["answer", "id"], name="usage_of_answer")),
        migrations.AddIndex(
            "usagerecord",
            models.Index(
                condition=models.Q(session__isnull=False), fields=["session", "answer", "id"], name="usage_of_session"
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(f"DROP INDEX {name}", f"CREATE INDEX {name} ON {TABLE} ({column})")
                for column, name in FORMER.items()
            ],
            state_operations=[
                migrations.AlterField(
                    "usagerecord",
                    "answer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="The first choice.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="usage",
                        to="sessions_store.message",
                    ),
                ),
                migrations.AlterField(
                    "usagerecord",
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="usage",
                        to="sessions_store.chatsession",
                    ),
                ),
            ],
        ),
    ]
