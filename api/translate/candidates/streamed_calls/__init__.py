"""Function calls that Vertex AI streams in several parts."""
