"""The `api` application."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Everything that speaks OpenAI or Gemini; owns no tables."""

    name = "api"
