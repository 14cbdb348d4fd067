"""The pages of rate limits and budgets: lists, forms, the tree of subjects, and the check of one request."""
