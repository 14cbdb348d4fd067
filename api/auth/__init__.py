"""Who a request belongs to, and whether it is served at all: admission without keys, principals, and the one function
that every entrance calls (`authentication.authenticate`). Takes headers and an address, never a request of Django's.
"""
