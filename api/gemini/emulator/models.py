"""The models that the emulator plays and what each allows, read from `models.json`.

The facts follow https://ai.google.dev/gemini-api/docs/models and .../thinking as of November 2026. Models that Google
has shut down keep a row with the day, so that recorded requests to them can still be replayed; clients get the 404.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from api.gemini.emulator.schema import snake_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. `signatures` says whether a function call must come back signed, is signed at all, or not.

    `thinking` is how it is controlled; a budget of -1 means that the model decides; `budget_accepted` holds for models
    with levels. `prefill` tells whether a conversation may end with the model's own words, `call_ids` whether function
    calls carry ids, `result_ids` whether a result without the id of its call is lost on the model, `shut_down` the day
    Google stopped serving it ("" while it lives).
    """

    name: str
    display_name: str
    family: str = ""
    alias_of: str = ""
    version: str = "001"
    input_token_limit: int = 1_048_576
    output_token_limit: int = 65_536
    methods: tuple[str, ...] = ("generateContent", "countTokens", "createCachedContent", "batchGenerateContent")
    modalities: tuple[str, ...] = ("TEXT",)
    thinking: Literal["none", "budget", "level"] = "none"
    levels: tuple[str, ...] = ()
    default_level: str = ""
    budget_min: int = 0
    budget_max: int = 32_768
    budget_off: bool = False
    budget_default: int = -1
    budget_accepted: bool = True
    signatures: Literal["none", "optional", "required"] = "none"
    candidates: int = 1
    penalties: bool = False
    logprobs: bool = False
    call_ids: bool = False
    result_ids: bool = False
    tools_with_json: bool = False
    tools_with_builtin: bool = False
    functions: bool = True
    prefill: bool = True
    dimensions: int = 0
    shut_down: str = ""

    def resource(self) -> dict[str, Any]:
        """The model as `models.get` and `models.list` describe it."""
        resource: dict[str, Any] = {
            "name": f"models/{self.name}",
            "version": self.version,
            "displayName": self.display_name,
            "description": f"{self.display_name}, played by the Gemini emulator",
            "inputTokenLimit": self.input_token_limit,
            "outputTokenLimit": self.output_token_limit,
            "supportedGenerationMethods": list(self.methods),
        }
        if "generateContent" in self.methods:
            resource |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2}
        if self.thinking != "none":
            resource["thinking"] = True
        return resource

    def knows(self, method: str) -> bool:
        """Whether the REST method may be called on this model."""
        return {"streamGenerateContent": "generateContent", "batchEmbedContents": "embedContent"}.get(
            method, method
        ) in self.methods


def _model(row: dict[str, Any]) -> Model:
    values: dict[str, Any] = {
        snake_case(key): tuple(value) if isinstance(value, list) else value for key, value in row.items()
    }
    return Model(**values)


@cache
def models() -> dict[str, Model]:
    """Every model by its bare name, in the order of the list; an alias has the abilities of what it points to."""
    rows = [_model(row) for row in json.loads(Path(__file__).with_name("models.json").read_text("utf-8"))]
    known = {row.name: row for row in rows}
    for row in rows:
        if row.alias_of:
            target = known[row.alias_of]
            known[row.name] = replace(target, name=row.name, display_name=row.display_name, alias_of=target.name)
    return known
