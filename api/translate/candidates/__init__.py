"""Gemini's candidates, complete or in chunks, to the choices that every dialect renders."""
