"""How the admin shows stored data: messages, costs, figures, charts."""
