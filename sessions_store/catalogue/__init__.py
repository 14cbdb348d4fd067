"""The catalogue: models, mappings and prices as an immutable snapshot per process, replaced after an edit."""
