"""The pages of the admin, one module each, and their shared base classes."""
