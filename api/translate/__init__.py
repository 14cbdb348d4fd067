"""Pure functions between OpenAI's dialects and Gemini's wire format: no Django, no I/O, no clock, no randomness."""
