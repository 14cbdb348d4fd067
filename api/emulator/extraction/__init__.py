"""Extraction of values from a prompt, and their assignment to the fields of a schema."""
