"""Request options to Gemini's `generationConfig` and related fields of the body."""
