"""The command line."""

from mnistlr.cli.options import main

__all__ = ["main"]
