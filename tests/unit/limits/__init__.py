"""Rate limits without a server."""
