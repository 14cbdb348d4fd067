"""OpenAI's API, served by Gemini: endpoints, translation, upstream client. It has no database tables."""
