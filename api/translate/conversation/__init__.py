"""OpenAI's messages to Gemini's `contents` and `systemInstruction`."""
