"""Legacy text completions on OpenAI's wire."""
