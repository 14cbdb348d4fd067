"""Work that grows linearly with its input, for every input from clients and from Gemini.

A new shape of input is a row in the table of its module.
"""
