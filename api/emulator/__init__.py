"""A strict local Gemini: a separate ASGI program that validates, answers and signs like Google's REST API v1beta."""
