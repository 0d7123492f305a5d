"""Nine notebooks in which a reader builds the method step by step, and what they import.

A lesson is a Python file, ``lesson_1_score.py`` and so on, with its cells marked as in editors that run such files::

    # %% [markdown]     text, each line behind a "# "
    # %%                code
    # %% [exercise]     code for the reader to complete; its last line calls ``check``
    # %% [solution]     what to put in place of the exercise's lines before ``check``; it is folded away

``notebooks`` makes notebooks of them. ``exercises`` holds what ``check`` compares with, and the mistakes it recognises.
"""

from mnistlr.lessons.checking import check
from mnistlr.lessons.notebooks import read_lessons, write_lessons
from mnistlr.lessons.tools import load, show, show_source

__all__ = ["check", "load", "read_lessons", "show", "show_source", "write_lessons"]
