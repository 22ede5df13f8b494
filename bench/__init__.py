"""Benchmarks with peers in the same run: ``python -m bench`` prints one line of JSON for each figure. See docs/performance.md."""
