"""What limits and budgets leave: the current periods of budgets, the use of rate limits, the check of a request."""
