"""The application's configuration: a change of mappings, models or prices is announced to every worker."""

from django.apps import AppConfig


class SessionsStoreConfig(AppConfig):
    """What is remembered: principals, mappings and catalogue, transcripts, usage."""

    name = "sessions_store"
    label = "sessions_store"
    verbose_name = "Gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the signals that announce changes of the catalogue."""
        from sessions_store.catalogue import changes

        changes.connect()
