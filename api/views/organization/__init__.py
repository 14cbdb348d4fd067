"""OpenAI's Administration API under `/v1/organization`: usage, costs, keys, projects, limits. One module per resource.

It exists for admin keys only: until the first one, its paths are unknown URLs.
"""
