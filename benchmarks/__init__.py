"""Each module prints a table of docs/benchmarks.md."""
