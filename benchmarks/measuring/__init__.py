"""Clocks, memory, tables and generated images, which all benchmarks share."""
