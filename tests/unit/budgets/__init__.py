"""Budgets without a server: calendar, escrow, settlement."""
