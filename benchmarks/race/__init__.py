"""The race of all solvers: ``python -m benchmarks.race``."""
