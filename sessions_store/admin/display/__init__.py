"""Display of stored data in the admin: messages, costs, totals, charts."""
