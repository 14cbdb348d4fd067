"""Legacy text completions: request to Gemini, completion back."""
