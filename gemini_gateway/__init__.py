"""The Django project: configuration, process lifecycle, server, pages. No other package imports it."""
