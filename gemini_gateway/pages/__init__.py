"""HTML pages outside of `/v1`: the start page, 404, and their middleware."""
