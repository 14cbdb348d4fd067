"""OpenAI's `service_tier` and Gemini's `serviceTier`, both ways (rule 77).

`auto` means the tier that the account is set to, which is what Gemini gives when none is asked for: nothing is sent,
so that nobody pays a higher tier's price without having named it.
"""

from collections.abc import Mapping
from typing import Any, Final

from api.translate.answers.upstream_json import label
from api.translate.request.context import RequestContext

_TO_GEMINI: Final[dict[str, str]] = {
    "default": "standard",
    "standard": "standard",
    "flex": "flex",
    "priority": "priority",
}
LONGEST_TIER: Final = 20
_TO_OPENAI: Final = {"standard": "default"}
# Vertex AI tells the tier in its name for how the request was charged.
_TRAFFIC: Final = {"ON_DEMAND": "standard", "ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}


def service_tier_to_gemini(tier: str | None, *, context: RequestContext) -> str | None:
    """Return the tier to ask for, or None to leave it to the account; OpenAI's other tiers are noted."""
    if tier is None or tier == "auto":
        return None
    asked = _TO_GEMINI.get(tier)
    if asked is None:
        context.note("dropped", "service_tier", "Gemini supports default, flex and priority")
    return asked


def served_tier(usage: Mapping[str, Any]) -> str:
    """Return the tier that a `usageMetadata` tells, in Gemini's words; "" if it tells none."""
    tier = usage.get("serviceTier")
    if tier and isinstance(tier, str):
        return label(tier.lower(), LONGEST_TIER)
    traffic = usage.get("trafficType")
    return _TRAFFIC.get(traffic, "") if isinstance(traffic, str) else ""


def service_tier_to_openai(tier: str) -> str:
    """Return OpenAI's word for the tier that Gemini served; one that OpenAI does not have stays as it is."""
    return _TO_OPENAI.get(tier, tier)
