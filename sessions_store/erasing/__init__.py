"""Erasure of content: on request, by age, and of what nothing refers to any more."""
