"""The Responses API on OpenAI's wire."""
