"""Chat sessions: a user of a principal, and the head of the user's conversation in the transcript tree."""

from typing import ClassVar

from django.db import models


class ChatSession(models.Model):
    """A conversation of one user, as a head in the transcript tree. At most one session of a name is active."""

    public_id = models.CharField(max_length=40, unique=True, editable=False)
    principal = models.ForeignKey(
        "sessions_store.User",
        on_delete=models.PROTECT,
        related_name="chat_sessions",
        db_index=False,
        verbose_name="account",
    )
    user = models.CharField("end user", max_length=256, help_text="Value of the “user” field in the requests.")
    name = models.CharField(
        max_length=200,
        blank=True,
        help_text="Value of the header X-Session-Id: one of several sessions of an end user. Usually empty.",
    )
    title = models.CharField(max_length=200, blank=True, help_text="Title in the admin. The first message sets it.")
    head = models.ForeignKey(
        "sessions_store.Message", null=True, on_delete=models.PROTECT, related_name="head_of", editable=False
    )
    message_count = models.IntegerField(default=0, editable=False)
    started_at = models.DateTimeField()
    last_active_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Time at which the session was closed.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["principal", "user", "name"],
                condition=models.Q(ended_at__isnull=True),
                name="chat_session_active_once",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["principal", "user"], name="chat_session_of_user"),
        ]

    def __str__(self) -> str:
        return self.public_id  # the title quotes a message, which needs a permission

    @property
    def label(self) -> str:
        """The name for operators with the permission to read messages."""
        return self.title or self.public_id
