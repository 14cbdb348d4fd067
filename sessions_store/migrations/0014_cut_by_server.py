"""A further way for an exchange to end: the server cut it at the end of its drain. Changes no table."""

from django.db import migrations, models

STATUSES = [
    ("ok", "ok"),
    ("client_error", "client error"),
    ("rate_limited", "rate limited"),
    ("upstream_error", "upstream error"),
    ("timeout", "timeout"),
    ("truncated", "truncated"),
    ("client_closed", "client closed"),
    ("cut_by_server", "cut by server"),
    ("blocked", "blocked"),
    ("internal_error", "internal error"),
]


class Migration(migrations.Migration):
    """Makes it known to the model's state."""

    dependencies = [("sessions_store", "0013_upstream_error")]

    operations = [
        migrations.AlterField(
            model_name="usagerecord",
            name="status",
            field=models.CharField(choices=STATUSES, max_length=20),
        ),
    ]
