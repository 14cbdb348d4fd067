"""What is remembered: accounts, catalogue, transcripts, stored objects, usage; and the admin."""
