"""Date and number formats of the pages in English."""
