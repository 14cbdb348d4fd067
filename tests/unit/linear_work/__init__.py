"""Work that grows with its input and not with the square of it, for whatever clients and Gemini can send.

A new shape of input is one row in the table of its module.
"""
