"""Code that exists only to make Daphne faster."""
