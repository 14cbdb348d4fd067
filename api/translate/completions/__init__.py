"""Legacy text completions: request to Gemini, answer back."""
