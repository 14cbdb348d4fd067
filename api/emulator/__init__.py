"""A strict local emulator of Google's Gemini REST API v1beta: a separate ASGI program for tests and development."""
