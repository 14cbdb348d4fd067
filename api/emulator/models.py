"""The emulated models and their capabilities, read from `models.json`.

The facts follow https://ai.google.dev/gemini-api/docs/models and .../thinking as of November 2026. Models that Google
has shut down keep a row with the day, so that recorded requests to them can still be replayed; clients get the 404.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from sessions_store.catalogue.model_profile import ModelProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(ModelProfile):
    """One model: its capabilities, and further rules of Google's server.

    `signatures` says that function calls must come back signed, `signs` that they are signed at all. `budget_accepted`
    says that a model with levels accepts a budget as well, `prefill` that a conversation may end with a model's
    message, `result_ids` that a function's result without the id of its call is ignored. `shut_down` is the day on
    which Google stopped serving the model ("" while it is served).
    """

    display_name: str
    alias_of: str = ""
    version: str = "001"
    methods: tuple[str, ...] = ("generateContent", "countTokens", "createCachedContent", "batchGenerateContent")
    budget_accepted: bool = True
    signs: bool = False
    result_ids: bool = False
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
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Model(**values)


@cache
def models() -> dict[str, Model]:
    """Every model by its bare name, in the order of the list; an alias has the capabilities of its target."""
    rows = [_model(row) for row in json.loads(Path(__file__).with_name("models.json").read_text("utf-8"))]
    known = {row.name: row for row in rows}
    for row in rows:
        if row.alias_of:
            target = known[row.alias_of]
            known[row.name] = replace(target, name=row.name, display_name=row.display_name, alias_of=target.name)
    return known
