"""Usage records: one row per exchange, with its tokens, cost, timing and the way back to its messages."""

from typing import ClassVar

from django.db import models


class UpstreamRequest(models.Model):
    """An upstream body without `contents` and `systemInstruction`, stored once under the digest of its text."""

    id = models.UUIDField(primary_key=True, editable=False)
    body = models.TextField()

    def __str__(self) -> str:
        return str(self.id)


class UsageRecord(models.Model):
    """One exchange: what was asked of which model, how it ended, what it cost.

    `message`, `answer` and `upstream_request` carry no database constraint: usage outlives forgotten content, and a
    constraint without an index would scan this table for every message removed. `answer` is indexed: it leads from a
    transcript to what an answer cost, and tells `forget` which answers others still need. So is `upstream_request`,
    which goes when nothing refers to it any more.
    """

    class Status(models.TextChoices):
        """How an exchange ended."""

        OK = "ok", "ok"
        CLIENT_ERROR = "client_error", "client error"
        RATE_LIMITED = "rate_limited", "rate limited"
        UPSTREAM_ERROR = "upstream_error", "upstream error"
        TIMEOUT = "timeout", "timeout"
        TRUNCATED = "truncated", "truncated"
        CLIENT_CLOSED = "client_closed", "client closed"
        CUT_BY_SERVER = "cut_by_server", "cut by server"
        BLOCKED = "blocked", "blocked"
        INTERNAL_ERROR = "internal_error", "internal error"

    request_id = models.CharField(max_length=100, unique=True)
    principal = models.ForeignKey("sessions_store.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    user = models.CharField(max_length=256, blank=True, help_text="The “user” that the client sent.")
    session = models.ForeignKey(
        "sessions_store.ChatSession", null=True, on_delete=models.SET_NULL, related_name="usage", db_index=False
    )
    endpoint = models.CharField(max_length=50)
    public_model = models.CharField(max_length=200, blank=True, help_text="What the client asked for.")
    upstream_model = models.CharField(max_length=200, blank=True, help_text="The Gemini model that was asked.")
    model_version = models.CharField(max_length=200, blank=True, help_text="What Gemini says answered.")
    upstream = models.CharField(max_length=20, blank=True, help_text="gemini, vertex or emulator.")
    stream = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=Status.choices)
    http_status = models.IntegerField()
    error_code = models.CharField(max_length=100, blank=True)
    upstream_error = models.TextField(
        blank=True, db_default="", default="", help_text="What Google said of a request that it refused."
    )
    finish_reason = models.CharField(max_length=50, blank=True)
    native_finish_reason = models.CharField(max_length=50, blank=True)
    choices = models.IntegerField(default=0)
    attempts = models.IntegerField(default=0, help_text="Upstream calls made.")
    prompt_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    tool_tokens = models.BigIntegerField(default=0, help_text="Prompt tokens that Google's own tools added.")
    total_tokens = models.BigIntegerField(default=0)
    search_queries = models.IntegerField(default=0, help_text="Google Search queries made for the answer.")
    grounded = models.JSONField(
        default=list, help_text="Whether each upstream call searched, in the order of the usageMetadata. Empty: none."
    )
    estimated = models.BooleanField(default=False, help_text="Tokens were approximated: Gemini reported none.")
    cost_nano = models.BigIntegerField(default=0, help_text="Cost in nano-USD (10^-9 USD).")
    prices = models.JSONField(default=list, help_text="Ids of the price rows used.")
    service_tier = models.CharField(max_length=20, blank=True)
    usage_metadata = models.JSONField(default=list, help_text="Gemini's usageMetadata, one per upstream call.")
    notes = models.JSONField(default=list, help_text="What was mapped, clamped or dropped: [kind, parameter, reason].")
    metadata = models.JSONField(default=dict, help_text="The client's own metadata.")
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
        help_text="The last message of the request.",
    )
    answer = models.ForeignKey(
        "sessions_store.Message",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="usage",
        db_constraint=False,
        db_index=False,
        help_text="The first choice.",
    )
    more_answers = models.JSONField(default=list, help_text="Message ids of the further choices.")
    system_ids = models.JSONField(
        default=list, help_text="Ids of the session's system messages that went before the request, in order."
    )
    placement = models.JSONField(
        default=list,
        help_text=(
            "Where those system messages, then each message up to the request's last one, stand in the upstream"
            " contents (-1: system instruction, -2: left out)."
        ),
    )
    upstream_request = models.ForeignKey(
        UpstreamRequest,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,  # it is below: as an index by itself it was added without copying the table
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["principal", "user"], name="usage_of_user"),
            # With the id: the last record of an answer is found without reading the others, which may be a million.
            models.Index(fields=["answer", "id"], name="usage_of_answer"),
            models.Index(
                fields=["session", "answer", "id"],
                condition=models.Q(session__isnull=False),
                name="usage_of_session",
            ),
            models.Index(fields=["upstream_request"], name="usage_of_upstream_request"),
            # What went wrong is looked for at any time, and is little: this one is not written for what went well.
            models.Index(fields=["started_at"], condition=~models.Q(status="ok"), name="usage_problems"),
        ]

    def __str__(self) -> str:
        return self.request_id
