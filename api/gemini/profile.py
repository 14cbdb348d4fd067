"""What one Gemini model allows, as data. The catalogue's rows fill it; nothing here asks for a model's name."""

from dataclasses import dataclass
from typing import Literal

# Google's own table of its OpenAI endpoint (https://ai.google.dev/gemini-api/docs/openai#thinking); what is beyond it
# asks for all there is.
GOOGLE_BUDGETS = (
    ("minimal", 1024),
    ("low", 1024),
    ("medium", 8192),
    ("high", 24576),
    ("xhigh", 32768),
    ("max", 32768),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelProfile:
    """Capabilities of one upstream model (facts of https://ai.google.dev/gemini-api/docs/models, in the catalogue).

    `sampling` says what happens to temperature, topP and topK; `thinking_levels` are in ascending order;
    `thinking_budgets` gives the budget in tokens of each reasoning effort, for models that think by a budget.
    """

    name: str
    input_token_limit: int = 1_048_576
    output_token_limit: int = 65_536
    max_candidates: int = 1
    penalties: bool = False
    sampling: Literal["honoured", "ignored", "refused"] = "honoured"
    max_stop_sequences: int = 5
    logprobs: bool = False
    thinking: Literal["none", "budget", "level"] = "none"
    thinking_levels: tuple[str, ...] = ()
    thinking_default: str = ""
    thinking_budget_min: int = 0
    thinking_budget_max: int = 0
    thinking_can_disable: bool = False
    thinking_budgets: tuple[tuple[str, int], ...] = GOOGLE_BUDGETS
    signatures: bool = False
    function_call_ids: bool = False
    tools_with_json: bool = False
    tools_with_builtin: bool = False
    validated_mode: bool = False
    json_schema: bool = True
    media_resolution_per_part: bool = False
    function_response_parts: bool = False
    functions: bool = True
    output_modalities: tuple[str, ...] = ("TEXT",)
    family: str = ""
