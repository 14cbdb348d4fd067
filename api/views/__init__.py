"""The HTTP endpoints: one module per resource. A view parses its request, calls the use case, encodes the response."""
