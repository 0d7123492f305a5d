"""A trained reader of digits, which comes with the package, and what it reads in a picture."""

from mnistlr.trained.quick import FILE, QuickReader, trained_reader
from mnistlr.trained.text import Line, read_digits

__all__ = ["FILE", "Line", "QuickReader", "read_digits", "trained_reader"]
