"""The server: Daphne with limits, drain and lifespan, and the event loop that it runs on."""
