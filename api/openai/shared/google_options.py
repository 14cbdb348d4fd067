"""Gemini's own options in a request, where Google's OpenAI endpoint takes them: at the top or under `extra_body`."""

from typing import Annotated, Any

from api.openai.shared.options import ExtraBody, SafetySettings
from api.openai.shared.request_model import RequestModel
from api.openai.shared.unions import AS_SENT


class GoogleOptions(RequestModel):
    """The three parameters that are Google's; absent and null ones are None."""

    google: dict[str, Any] | None = None
    safety_settings: SafetySettings | None = None
    extra_body: Annotated[ExtraBody, AS_SENT] | None = None

    @property
    def google_options(self) -> dict[str, Any]:
        """Gemini's own options, from `google` and from `extra_body.google`; `google` wins."""
        nested = self.extra_body.get("google") if self.extra_body else None
        return {**(nested or {}), **(self.google or {})}

    @property
    def gemini_safety_settings(self) -> list[dict[str, Any]]:
        """Gemini's `safetySettings` as the client gave them, at the top or under `extra_body`; empty if it did not."""
        nested = self.extra_body.get("safety_settings") if self.extra_body else None
        return self.safety_settings or nested or []
