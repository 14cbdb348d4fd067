"""Tables of keys, projects, rate limits and budgets."""
