"""A benchmark anyone can run: `python -m benchmarks` (README.md). Nothing of the product imports this package."""
