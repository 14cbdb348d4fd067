"""The `api` application."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """OpenAI's API, served by Gemini. It has no database tables."""

    name = "api"
