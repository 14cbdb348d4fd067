"""The Django application `gemini_gateway`; registers the system checks at start."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """The project's application: configuration, process lifecycle, pages; no tables."""

    name = "gemini_gateway"

    def ready(self) -> None:
        """Register the checks."""
        from gemini_gateway import checks  # noqa: F401 - the import registers
