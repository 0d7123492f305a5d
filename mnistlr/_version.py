"""The version of the package; CITATION.cff repeats it."""

__version__ = "0.1.0"
