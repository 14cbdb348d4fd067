"""Keys, projects, rate limits and budgets, through the live gateway."""
