"""From a catalogue row to the profile that the translation reads; made once per row."""

from dataclasses import fields
from functools import lru_cache

from api.gemini.profile import ModelProfile
from sessions_store.catalogue import CatalogueModel

_NAMES = tuple(field.name for field in fields(ModelProfile))


@lru_cache(maxsize=512)
def profile_of(model: CatalogueModel) -> ModelProfile:
    """Return what the row says of the model's capabilities."""
    return ModelProfile(**{name: getattr(model, name) for name in _NAMES})
