"""The tutorial, told once as exhibits and shown three ways: in the terminal, as a page, as a notebook."""

from mnistlr.walkthrough.build import Walk
from mnistlr.walkthrough.exhibit import About
from mnistlr.walkthrough.notebook import write_notebook
from mnistlr.walkthrough.report import write_page

__all__ = ["About", "Walk", "write_notebook", "write_page"]
