"""Budgets: their rules and windows, the amounts that a worker holds in reserve, and the settlement of a commit."""
