"""The walk-through as a page and as a notebook, both made of the same chapters (`chapter.Chapter`), one file each."""

from mnistlr.report.build import write_report
from mnistlr.report.chapter import About
from mnistlr.report.notebook import import_nbformat, write_notebook

__all__ = ["About", "import_nbformat", "write_notebook", "write_report"]
