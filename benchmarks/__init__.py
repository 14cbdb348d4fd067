"""A reproducible benchmark of the gateway and its peers: `python -m benchmarks` (README.md). The product never imports
it.
"""
