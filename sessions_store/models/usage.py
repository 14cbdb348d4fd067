"""Usage records: one row per exchange, with its tokens, cost, timing and references to its messages."""

from typing import ClassVar

from django.db import models


class UpstreamRequest(models.Model):
    """An upstream body without `contents` and `systemInstruction`, stored once under the digest of its text."""

    id = models.UUIDField(primary_key=True, editable=False)
    body = models.TextField()

    def __str__(self) -> str:
        return str(self.id)


class UsageRecord(models.Model):
    """One exchange: its request and model, its outcome and its cost.

    `message`, `answer` and `upstream_request` have no database constraint: usage records outlive erased content, and a
    constraint without an index would scan this table for every deleted message. The index on `answer` gives the cost of
    an assistant message, and the messages in use for an erasure. The index on `upstream_request` finds unused upstream
    requests, which are deleted.
    """

    class Status(models.TextChoices):
        """The outcome of an exchange."""

        OK = "ok", "OK"
        CLIENT_ERROR = "client_error", "Bad request"
        RATE_LIMITED = "rate_limited", "Rate limited"
        UPSTREAM_ERROR = "upstream_error", "Gemini error"
        TIMEOUT = "timeout", "Timeout"
        TRUNCATED = "truncated", "Cut off"
        CLIENT_CLOSED = "client_closed", "Client disconnected"
        CUT_BY_SERVER = "cut_by_server", "Server stopped"
        BLOCKED = "blocked", "Blocked by safety filter"
        INTERNAL_ERROR = "internal_error", "Internal error"

    request_id = models.CharField(max_length=100, unique=True)
    principal = models.ForeignKey(
        "sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name="account"
    )
    user = models.CharField("end user", max_length=256, blank=True, help_text="Value of the “user” field.")
    session = models.ForeignKey(
        "sessions_store.ChatSession", null=True, on_delete=models.SET_NULL, related_name="usage", db_index=False
    )
    endpoint = models.CharField(max_length=50)
    public_model = models.CharField(
        "requested model", max_length=200, blank=True, help_text="Model name in the request."
    )
    upstream_model = models.CharField(
        "Gemini model", max_length=200, blank=True, help_text="Gemini model that received the request."
    )
    model_version = models.CharField(max_length=200, blank=True, help_text="Model version in Gemini's response.")
    upstream = models.CharField(max_length=20, blank=True, help_text="gemini, vertex or emulator.")
    stream = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status.choices)
    http_status = models.IntegerField()
    error_code = models.CharField(max_length=100, blank=True)
    upstream_error = models.TextField(blank=True, db_default="", default="", help_text="Google's error message.")
    finish_reason = models.CharField(max_length=50, blank=True)
    native_finish_reason = models.CharField(max_length=50, blank=True)
    choices = models.IntegerField(default=0)
    attempts = models.IntegerField(default=0, help_text="Number of upstream calls.")
    prompt_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    tool_tokens = models.BigIntegerField(default=0, help_text="Prompt tokens that Google's built-in tools added.")
    total_tokens = models.BigIntegerField(default=0)
    search_queries = models.IntegerField(default=0, help_text="Number of Google Search queries.")
    grounded = models.JSONField(
        default=list,
        help_text="Whether each upstream call used Google Search, in the order of usage_metadata. Empty: none.",
    )
    estimated = models.BooleanField(default=False, help_text="Token counts are estimated: Gemini reported no usage.")
    cost_nano = models.BigIntegerField(default=0, help_text="Cost in nano-USD (10^-9 USD).")
    prices = models.JSONField(default=list, help_text="Ids of the prices used.")
    service_tier = models.CharField(max_length=20, blank=True)
    usage_metadata = models.JSONField(default=list, help_text="Gemini's usageMetadata, one object per upstream call.")
    notes = models.JSONField(
        default=list, help_text="Changes to the request and the response: [kind, parameter, reason]."
    )
    metadata = models.JSONField(default=dict, help_text="Value of the “metadata” field.")
    started_at = models.DateTimeField(db_index=True)
    first_byte_ms = models.IntegerField(null=True)
    latency_ms = models.IntegerField(default=0)
    message = models.ForeignKey(
        "sessions_store.Message",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="Last message of the request.",
    )
    answer = models.ForeignKey(
        "sessions_store.Message",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="usage",
        db_constraint=False,
        db_index=False,
        help_text="Message of the first choice.",
    )
    more_answers = models.JSONField(default=list, help_text="Message ids of the other choices.")
    system_ids = models.JSONField(
        default=list, help_text="Ids of the session's system messages before the messages of the request, in order."
    )
    placement = models.JSONField(
        default=list,
        help_text=(
            "Position in the upstream contents of each of these system messages, then of each message up to the last"
            " message of the request (-1: system instruction, -2: omitted)."
        ),
    )
    upstream_request = models.ForeignKey(
        UpstreamRequest,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,  # indexed in Meta: SQLite adds that without copying the table
    )

    # Null in records of versions without projects; nullable, because SQLite would copy the table for a default.
    project = models.ForeignKey(
        "sessions_store.Project",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    key = models.ForeignKey(
        "sessions_store.Key",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="Client key of the request.",
    )
    tags = models.JSONField(null=True, help_text="Tags of the client key.")

    class Meta:
        verbose_name_plural = "requests"
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "started_at", "id"], name="usage_of_end_user"),
            # With the id: finds the latest record of an assistant message without reading its others, possibly a
            # million.
            models.Index(fields=["answer", "id"], name="usage_of_answer"),
            models.Index(
                fields=["session", "answer", "id"],
                condition=models.Q(session__isnull=False),
                name="usage_of_session",
            ),
            models.Index(fields=["upstream_request"], name="usage_of_upstream_request"),
            # Partial: failed exchanges are few, and a successful one writes no index entry.
            models.Index(fields=["started_at"], condition=~models.Q(status="ok"), name="usage_problems"),
            # With time and id: a page of the list is read in its order. A request without a key writes no entry.
            models.Index(
                fields=["key", "started_at", "id"], condition=models.Q(key__isnull=False), name="usage_of_key"
            ),
        ]

    def __str__(self) -> str:
        return self.request_id
