"""The `gemini_gateway` application: its start-up wiring is the registration of the system checks."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """The project itself: configuration, start and stop, pages; owns no tables."""

    name = "gemini_gateway"

    def ready(self) -> None:
        """Register the checks."""
        from gemini_gateway import checks  # noqa: F401 - the import registers
