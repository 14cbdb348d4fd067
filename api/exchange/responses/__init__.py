"""The exchanges of the Responses API: continuing a response or conversation, storing, compacting, running in the
background.
"""
