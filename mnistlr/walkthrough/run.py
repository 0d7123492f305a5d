"""Run the code of an exhibit as a notebook would, and collect what it shows."""

import ast
import io
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from mnistlr.walkthrough.exhibit import Block, Exhibit, Live, Names, Seen


@dataclass(frozen=True)
class Shown:
    """An exhibit after its code has run.

    Attributes
    ----------
    exhibit : Exhibit
    seconds : float
        What the code took, without the drawing.
    figures : list of matplotlib figures
    printed : str
    seen : Seen
    blocks : list of Block
        For the terminal.
    live : Live or None
        For the page's script.
    """

    exhibit: Exhibit
    seconds: float
    figures: list[Any]
    printed: str
    seen: Seen
    blocks: list[Block]
    live: Live | None = None


def run_code(code: str, names: Names) -> tuple[list[Any], str]:
    """Run the lines; return the values that they ``display``, with the last expression, and the text that they print.

    Parameters
    ----------
    code : str
    names : dict
        The variables; changed in place.
    """
    displayed: list[Any] = []
    names["display"] = lambda *values: displayed.extend(values)
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    value = None
    with redirect_stdout(io.StringIO()) as printed:
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(tree.body[:-1], []), "<walk-through>", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "<walk-through>", "eval"), names)
        else:
            exec(compile(tree, "<walk-through>", "exec"), names)
    displayed += [] if value is None else [value]
    return displayed, printed.getvalue()


def run_exhibit(exhibit: Exhibit, names: Names, *, draw: bool = True) -> Shown:
    """Run the code of an exhibit, with the variables of those before, draw if wanted, and look at the result."""
    began = time.perf_counter()
    run_code(exhibit.code, names)
    seconds = time.perf_counter() - began
    displayed, printed = run_code(exhibit.drawing if draw else "", names)
    # A Display keeps its figure; axes and figures are what they are.
    figures = [getattr(shown, "figure_", None) or getattr(shown, "figure", None) or shown for shown in displayed]
    blocks = exhibit.in_words(names) if exhibit.in_words else []
    live = exhibit.live(names) if draw and exhibit.live else None
    return Shown(exhibit, seconds, figures, printed, exhibit.look(names), blocks, live)
