"""The Gemini API on the wire: the client, its transports, the stream decoder, the mapping of Google's errors."""
