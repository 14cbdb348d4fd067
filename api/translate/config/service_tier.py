"""OpenAI's `service_tier` and Gemini's `serviceTier`, in both directions (rule 77).

`auto` means the account's tier, which is Gemini's default: no tier is sent, so that nobody pays a higher price without
naming the tier.
"""

from collections.abc import Mapping
from typing import Any, Final

from api.translate.candidates.upstream_json import label
from api.translate.request.context import RequestContext

_TO_GEMINI: Final[dict[str, str]] = {
    "default": "standard",
    "standard": "standard",
    "flex": "flex",
    "priority": "priority",
}
LONGEST_TIER: Final = 20
_TO_OPENAI: Final = {"standard": "default"}
# Vertex AI reports the tier in `trafficType`.
_TRAFFIC: Final = {"ON_DEMAND": "standard", "ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}


def service_tier_to_gemini(tier: str | None, *, context: RequestContext) -> str | None:
    """Return Gemini's tier, or None for the account's default; OpenAI's other tiers are noted."""
    if tier is None or tier == "auto":
        return None
    requested = _TO_GEMINI.get(tier)
    if requested is None:
        context.note("dropped", "service_tier", "Gemini supports default, flex and priority")
    return requested


def served_tier(usage: Mapping[str, Any]) -> str:
    """Return the tier in a `usageMetadata`, in Gemini's words; "" without one."""
    tier = usage.get("serviceTier")
    if tier and isinstance(tier, str):
        return label(tier.lower(), LONGEST_TIER)
    traffic = usage.get("trafficType")
    return _TRAFFIC.get(traffic, "") if isinstance(traffic, str) else ""


def service_tier_to_openai(tier: str) -> str:
    """Return OpenAI's name of the tier served by Gemini; a tier unknown to OpenAI stays unchanged."""
    return _TO_OPENAI.get(tier, tier)
