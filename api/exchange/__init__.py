"""The use case: resolve the model, remember the conversation, translate, ask Gemini, record, answer."""
