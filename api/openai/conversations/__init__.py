"""The wire format of conversations, list pages and small stored objects."""
