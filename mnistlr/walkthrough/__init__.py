"""The walk-through as a page and as a notebook, both made of the same chapters (`exhibit.Chapter`), one file each."""

from mnistlr.walkthrough.build import write_report
from mnistlr.walkthrough.exhibit import About
from mnistlr.walkthrough.notebook import import_nbformat, write_notebook

__all__ = ["About", "import_nbformat", "write_notebook", "write_report"]
