"""Chat completions: request to Gemini, completion back."""
