"""Models, mappings and prices: an immutable snapshot in each process, replaced after an edit."""
