"""Input items of the Responses API to messages, and back."""
