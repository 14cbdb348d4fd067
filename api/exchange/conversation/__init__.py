"""The conversation of an exchange, as the transcript tree stores it and as the request continues it."""
