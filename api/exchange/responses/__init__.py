"""The Responses API and conversations: what is continued, what is stored, what goes on in the background."""
