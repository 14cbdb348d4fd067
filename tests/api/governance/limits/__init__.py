"""Rate limits on a running gateway."""
