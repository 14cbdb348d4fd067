"""The `api` application: its start-up wiring is the registration of the system checks."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Everything that speaks OpenAI or Gemini; owns no tables."""

    name = "api"

    def ready(self) -> None:
        """Register the checks."""
        from api import checks  # noqa: F401 - the import registers
