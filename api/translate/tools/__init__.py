"""Tools and tool choice: OpenAI's definitions to Gemini's function declarations and calling config."""
