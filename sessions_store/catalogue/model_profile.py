"""The capabilities of one Gemini model as data (https://ai.google.dev/gemini-api/docs/models). Plain Python.

`ModelProfile` is the only definition of a model's capabilities: the columns of `UpstreamModel` take their defaults from
it, a catalogue row and a model of the emulator extend it, the translation reads it. No code tests a model's name.
"""

from dataclasses import dataclass
from typing import Final, Literal

Sampling = Literal["honoured", "ignored", "refused"]
Thinking = Literal["none", "budget", "level"]

# Thinking budgets by effort (https://ai.google.dev/gemini-api/docs/openai#thinking). Efforts beyond Google's table get
# the greatest budget of any model.
GOOGLE_BUDGETS: Final = (
    ("minimal", 1024),
    ("low", 1024),
    ("medium", 8192),
    ("high", 24576),
    ("xhigh", 32768),
    ("max", 32768),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelProfile:
    """The capabilities of one upstream model; each field is a column of `UpstreamModel` and explained there.

    `sampling`: the effect of temperature, topP and topK. `thinking_levels`: ascending. `thinking_budgets`: (reasoning
    effort, tokens) pairs, for models with a thinking budget.
    """

    name: str
    family: str = ""
    input_token_limit: int = 1_048_576
    output_token_limit: int = 65_536
    max_candidates: int = 1
    penalties: bool = False
    sampling: Sampling = "honoured"
    max_stop_sequences: int = 5
    logprobs: bool = False
    thinking: Thinking = "none"
    thinking_levels: tuple[str, ...] = ()
    thinking_default: str = ""
    thinking_budget_min: int = 0
    thinking_budget_max: int = 0
    thinking_can_disable: bool = False
    thinking_budgets: tuple[tuple[str, int], ...] = GOOGLE_BUDGETS
    signatures: bool = False
    function_call_ids: bool = False
    functions: bool = True
    tools_with_json: bool = False
    tools_with_builtin: bool = False
    validated_mode: bool = False
    json_schema: bool = True
    media_resolution_per_part: bool = False
    function_response_parts: bool = False
    output_modalities: tuple[str, ...] = ("TEXT",)


DEFAULTS: Final = ModelProfile(name="")
