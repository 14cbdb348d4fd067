"""The admin's pages, one module each, and what they share."""
