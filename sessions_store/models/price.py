"""Dated prices of upstream models as Google publishes them: USD per million tokens, USD per thousand searches.

Six decimal places are exact to 10^-12 USD per token, so the half prices of the batch and flex tiers are exact too.
Google's free allowance (5000 searches a month on Gemini 3) applies to a whole account, so no price row contains it.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MinValueValidator
from django.db import models

if TYPE_CHECKING:
    from decimal import Decimal

_USD: dict[str, Any] = {"max_digits": 12, "decimal_places": 6, "validators": [MinValueValidator(0)]}


def _usd(help_text: str) -> "models.DecimalField[Decimal | str, Decimal]":
    return models.DecimalField(help_text=help_text, **_USD)


def _optional_usd(help_text: str) -> "models.DecimalField[Decimal | str | None, Decimal | None]":
    return models.DecimalField(help_text=help_text, null=True, blank=True, **_USD)


class ModelPrice(models.Model):
    """The prices of one model in one service tier from a day on, until a later row of the same tier."""

    class Tier(models.TextChoices):
        """Google's service tiers."""

        STANDARD = "standard", "standard"
        FLEX = "flex", "flex"
        BATCH = "batch", "batch"
        PRIORITY = "priority", "priority"

    model = models.ForeignKey("sessions_store.UpstreamModel", on_delete=models.CASCADE, related_name="prices")
    tier = models.CharField(max_length=20, choices=Tier.choices, default=Tier.STANDARD)
    valid_from = models.DateField(help_text="First day (UTC) of the prices.")
    input = _usd("Input, USD per million tokens.")
    cached_input = _optional_usd("Cached input. Empty: same as input.")
    output = _usd("Output incl. reasoning, USD per million tokens.")
    audio_input = _optional_usd("Audio input. Empty: same as input.")
    cached_audio_input = _optional_usd("Cached audio input. Empty: same as cached input.")
    image_input = _optional_usd("Image input. Empty: same as input.")
    video_input = _optional_usd("Video input. Empty: same as input.")
    audio_output = _optional_usd("Audio output. Empty: same as output.")
    image_output = _optional_usd("Image output. Empty: same as output.")
    long_context_from = models.IntegerField(
        "higher price above (prompt tokens)",
        null=True,
        blank=True,
        help_text="Prompts with more tokens have the long prompt prices.",
    )
    long_input = _optional_usd("Input price of long prompts.")
    long_cached_input = _optional_usd("Cached input price of long prompts.")
    long_output = _optional_usd("Output price after long prompts.")
    search_query = _optional_usd(
        "Google Search, USD per thousand queries. Empty: no charge. Google's free monthly quota is not deducted."
    )
    grounded_prompt = _optional_usd(
        "Google Search, USD per thousand prompts with searches, for any number of queries. Empty: no charge. Google's"
        " free quota is not deducted."
    )
    note = models.CharField(max_length=200, blank=True, help_text="Source of the price.")

    class Meta:
        ordering: ClassVar[list[str]] = ["model", "tier", "-valid_from"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["model", "tier", "valid_from"], name="price_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.tier} from {self.valid_from:%Y-%m-%d}"
