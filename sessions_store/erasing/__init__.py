"""Erasure of content: on request, by age, and of rows without references."""
