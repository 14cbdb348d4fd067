"""The conversation of an exchange, as the transcript tree knows it and as it will be stored."""
