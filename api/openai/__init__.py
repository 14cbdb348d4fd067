"""The OpenAI API on the wire: typed and validated requests, responses as TypedDicts; a package per endpoint family."""
