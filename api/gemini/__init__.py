"""Gemini's wire: the client, its transports, the decoder of streams, Google's errors."""
