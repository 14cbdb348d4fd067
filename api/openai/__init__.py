"""OpenAI's wire: requests parsed and typed, responses as TypedDicts; a package per endpoint family."""
