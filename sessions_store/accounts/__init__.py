"""Principals that requests belong to, and the throttle of their logins."""
