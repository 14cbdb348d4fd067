"""The Responses API to Gemini and back: items, tools and events, over the translations that all dialects share."""
