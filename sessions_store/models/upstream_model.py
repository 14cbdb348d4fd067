"""The catalogue of upstream models: what each Gemini model allows, as data. Prices stand beside it."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from sessions_store.catalogue.model_profile import DEFAULTS, GOOGLE_BUDGETS


def text_only() -> list[str]:
    """Return the default of `output_modalities`."""
    return list(DEFAULTS.output_modalities)


def generation_methods() -> list[str]:
    """Return the default of `methods`: what a chat model supports."""
    return ["generateContent", "countTokens"]


def google_budgets() -> dict[str, int]:
    """Return the default of `thinking_budgets`: the table of Google's own OpenAI endpoint, and all above it."""
    return dict(GOOGLE_BUDGETS)


def check_budgets(budgets: object) -> None:
    """Raise ValidationError unless every effort but `none` has its budget in whole tokens."""
    if not isinstance(budgets, dict) or budgets.keys() != google_budgets().keys():
        raise ValidationError(f"Give one budget for each of {', '.join(google_budgets())}.")
    if not all(type(tokens) is int and 0 < tokens < 2**31 for tokens in budgets.values()):
        raise ValidationError("Each budget is a whole number of tokens above 0.")


class UpstreamModel(models.Model):
    """One Gemini model: its life span, its limits and its capabilities. The column names are the profile's own."""

    class Status(models.TextChoices):
        """How far Google stands behind a model."""

        STABLE = "stable", "stable"
        PREVIEW = "preview", "preview"
        RETIRED = "retired", "retired"

    class Sampling(models.TextChoices):
        """What a model does with temperature, topP and topK."""

        HONOURED = "honoured", "honoured"
        IGNORED = "ignored", "accepted but ignored"
        REFUSED = "refused", "refused with an error"

    class Thinking(models.TextChoices):
        """How a model's thinking is controlled."""

        NONE = "none", "does not think"
        BUDGET = "budget", "by a budget of tokens"
        LEVEL = "level", "by a level"

    name = models.CharField(max_length=200, unique=True, help_text="Google's id of the model, without “models/”.")
    display_name = models.CharField(max_length=200, blank=True)
    description = models.CharField(max_length=1000, blank=True)
    family = models.CharField(
        max_length=50, blank=True, help_text="Models of one family share thought signatures, for example gemini-3."
    )
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.STABLE)
    listed = models.BooleanField(default=True, help_text="Show this model in /v1/models while it lives.")
    released_on = models.DateField(null=True, blank=True)
    retires_on = models.DateField(
        null=True, blank=True, help_text="From this day on, requests for this model go to its successor."
    )
    successor = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="predecessors",
        help_text="The model that answers after the retirement.",
    )
    methods = models.JSONField(
        default=generation_methods,
        blank=True,
        help_text="What Google offers on this model, for example generateContent, countTokens, embedContent.",
    )
    input_token_limit = models.IntegerField(default=DEFAULTS.input_token_limit)
    output_token_limit = models.IntegerField(default=DEFAULTS.output_token_limit)
    max_candidates = models.IntegerField(
        default=DEFAULTS.max_candidates,
        help_text="Answers one request may ask for (candidateCount). With 1, “n” becomes parallel requests.",
    )
    penalties = models.BooleanField(default=DEFAULTS.penalties, help_text="Accepts presence and frequency penalties.")
    sampling = models.CharField(
        max_length=10,
        choices=Sampling.choices,
        default=DEFAULTS.sampling,
        help_text="What happens to temperature, top_p and top_k.",
    )
    max_stop_sequences = models.IntegerField(default=DEFAULTS.max_stop_sequences)
    logprobs = models.BooleanField(default=DEFAULTS.logprobs, help_text="Can return log probabilities.")
    thinking = models.CharField(max_length=10, choices=Thinking.choices, default=DEFAULTS.thinking)
    thinking_levels = models.JSONField(default=list, blank=True, help_text="Accepted levels, lowest first.")
    thinking_default = models.CharField(
        max_length=20, blank=True, help_text="The level or budget in force when none is sent (-1: dynamic)."
    )
    thinking_budget_min = models.IntegerField(
        default=DEFAULTS.thinking_budget_min, help_text="Smallest budget above 0, in tokens."
    )
    thinking_budget_max = models.IntegerField(
        default=DEFAULTS.thinking_budget_max, help_text="Greatest budget, in tokens."
    )
    thinking_can_disable = models.BooleanField(
        default=DEFAULTS.thinking_can_disable, help_text="Thinking can be turned off."
    )
    thinking_budgets = models.JSONField(
        default=google_budgets,
        validators=[check_budgets],
        help_text="The budget in tokens of each reasoning_effort, where a model thinks by a budget. Clamped to the "
        "smallest and the greatest budget.",
    )
    signatures = models.BooleanField(
        default=DEFAULTS.signatures,
        help_text="Refuses function calls of the current turn that come back without their thought signature.",
    )
    function_call_ids = models.BooleanField(
        default=DEFAULTS.function_call_ids, help_text="Names its function calls with ids."
    )
    functions = models.BooleanField(default=DEFAULTS.functions, help_text="Can call functions.")
    tools_with_json = models.BooleanField(
        default=DEFAULTS.tools_with_json, help_text="Functions and JSON output may be combined."
    )
    tools_with_builtin = models.BooleanField(
        default=DEFAULTS.tools_with_builtin, help_text="Functions and Google's own tools may be combined."
    )
    validated_mode = models.BooleanField(
        default=DEFAULTS.validated_mode, help_text="Knows the function calling mode VALIDATED."
    )
    json_schema = models.BooleanField(default=DEFAULTS.json_schema, help_text="Accepts responseJsonSchema.")
    media_resolution_per_part = models.BooleanField(
        default=DEFAULTS.media_resolution_per_part, help_text="Accepts mediaResolution on each part."
    )
    function_response_parts = models.BooleanField(
        default=DEFAULTS.function_response_parts, help_text="Takes images and files inside a function's result."
    )
    output_modalities = models.JSONField(default=text_only, blank=True, help_text="What comes out: TEXT, IMAGE, AUDIO.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name
