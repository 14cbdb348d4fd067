"""Gemini's own request options, at the top level or under `extra_body`, as on Google's OpenAI endpoint."""

from typing import Annotated, Any

from api.openai.shared.options import ExtraBody, SafetySettings
from api.openai.shared.request_model import RequestModel
from api.openai.shared.unions import AS_SENT


class GoogleOptions(RequestModel):
    """Google's three parameters; absent and null ones are None."""

    google: dict[str, Any] | None = None
    safety_settings: SafetySettings | None = None
    extra_body: Annotated[ExtraBody, AS_SENT] | None = None

    @property
    def google_options(self) -> dict[str, Any]:
        """Gemini's own options from `google` and `extra_body.google`; `google` takes precedence."""
        nested = self.extra_body.get("google") if self.extra_body else None
        return {**(nested or {}), **(self.google or {})}

    @property
    def gemini_safety_settings(self) -> list[dict[str, Any]]:
        """Gemini's `safetySettings` from the top level or `extra_body`; empty if absent."""
        nested = self.extra_body.get("safety_settings") if self.extra_body else None
        return self.safety_settings or nested or []
