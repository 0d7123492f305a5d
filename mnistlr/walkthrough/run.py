"""Run the code of an exhibit as a notebook would, and collect what it shows."""

import ast
import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from mnistlr.walkthrough.exhibit import Exhibit, Names, Seen


@dataclass(frozen=True)
class Shown:
    """An exhibit, what its code showed (figures) and printed, and what there is to see in it."""

    exhibit: Exhibit
    figures: list[Any]
    printed: str
    seen: Seen


def run_code(code: str, names: Names) -> tuple[list[Any], str]:
    """Run the lines; return what they ``display``, the value of the last expression included, and what they print.

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
            exec(compile(ast.Module(tree.body[:-1], []), "<report>", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "<report>", "eval"), names)
        else:
            exec(compile(tree, "<report>", "exec"), names)
    displayed += [] if value is None else [value]
    return displayed, printed.getvalue()


def run_exhibit(exhibit: Exhibit, names: Names) -> Shown:
    """Run the code of an exhibit, with the variables of those before, and look at the result."""
    displayed, printed = run_code(exhibit.code, names)
    # A Display keeps its figure; axes and figures are what they are.
    figures = [getattr(shown, "figure_", None) or getattr(shown, "figure", None) or shown for shown in displayed]
    return Shown(exhibit, figures, printed, exhibit.look(names))
