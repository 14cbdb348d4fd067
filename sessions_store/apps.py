"""The application's configuration. It connects the signals that publish changes of the catalogue to every worker."""

from django.apps import AppConfig


class SessionsStoreConfig(AppConfig):
    """The application of principals, catalogue, transcripts and usage."""

    name = "sessions_store"
    label = "sessions_store"
    verbose_name = "Gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the signals that publish changes of the catalogue."""
        from sessions_store.catalogue import changes

        changes.connect()
