"""Tools and the choice among them: OpenAI's definitions to Gemini's function declarations."""
