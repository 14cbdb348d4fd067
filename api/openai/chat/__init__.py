"""Chat completions on OpenAI's wire."""
