"""Request options to Gemini's `generationConfig` and its neighbours in the body."""
