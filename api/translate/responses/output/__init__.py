"""Output items of the Responses API, and the events of their stream."""
