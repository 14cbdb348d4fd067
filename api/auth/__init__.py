"""Authentication: admission without keys, principals, and the one function for every route
(`authentication.authenticate`). It reads headers and an address, never a Django request.
"""
