"""The Responses API to Gemini and back: items, tools and events, over the leaves that all dialects share."""
