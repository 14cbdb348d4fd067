"""Conversations, lists and small stored objects on OpenAI's wire."""
