"""Thought signatures of tool calls whose content is not stored."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the table of sealed thought signatures."""

    dependencies = [("sessions_store", "0017_rollup_keys")]

    operations = [
        migrations.CreateModel(
            name="CallSignature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("call_id", models.CharField(max_length=256)),
                ("sealed", models.BinaryField(editable=False)),
                ("model", models.CharField(max_length=200)),
                ("account", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(db_index=True)),
                (
                    "principal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("principal", "call_id"), name="call_signature_once"),
                ],
            },
        ),
    ]
