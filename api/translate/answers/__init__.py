"""Gemini's candidates, whole or in chunks, to what every dialect gives out of them."""
