"""The OpenAPI 3.1 document of the API, generated from views, request models and response types."""
