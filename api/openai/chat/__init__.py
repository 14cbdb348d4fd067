"""The wire format of chat completions."""
