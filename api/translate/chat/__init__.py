"""Chat completions: request to Gemini, answer back."""
