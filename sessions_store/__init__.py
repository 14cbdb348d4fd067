"""The database: accounts, catalogue, transcripts, stored objects, usage records; and the admin site over them."""
