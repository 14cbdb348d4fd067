"""Accounts: the principals of requests, and the throttle of their logins."""
