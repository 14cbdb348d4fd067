"""Pages for people, outside of `/v1`: the start page, what is not found, their middleware."""
