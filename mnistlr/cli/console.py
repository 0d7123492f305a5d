"""Where commands print: results to stdout, progress to stderr.

Both may be the same screen. So one rule holds: while a result is printed, the spinner of `progress` is off the screen.
"""

import json
import math
import os
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status

from mnistlr.kernels.compiling import when_compiling

_spinner: Status | None = None


class _Results(Console):
    """The console of stdout, which takes the spinner off the screen before it prints, and cuts no line."""

    def print(self, *objects: Any, **options: Any) -> None:
        options.setdefault("crop", False)
        if _spinner is None:
            super().print(*objects, **options)
            return
        _spinner.stop()
        try:
            super().print(*objects, **options)
        finally:
            _spinner.start()


def open_console() -> Console:
    """Return the console of stdout, which prints text as it is: a label may be "[/]" or ":x:"."""
    # Where NO_COLOR is set, rich alone would still print bold and dim.
    no_colour = bool(os.environ.get("NO_COLOR"))
    return _Results(highlight=False, markup=False, emoji=False, color_system=None if no_colour else "auto")


def open_in_browser(page: Path) -> None:
    """Open a page, or say on stderr that no browser was found."""
    if not webbrowser.open(page.resolve().as_uri()):
        print(f"mnistlr: no browser was found; open {page} in one", file=sys.stderr)


class Watch:
    """A callback of scikit-learn's protocol that shows the iterations of a fit beside the spinner."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        """Show iteration, objective, norm of the gradient and time."""
        if context.task_name == "iteration" and fitted_estimator is not None:
            history, seconds = fitted_estimator.history_, time.perf_counter() - self.started
            norm = history["gradient_norm"][-1]
            gradient = f", gradient {norm:.1e}" if math.isfinite(norm) else ""  # SGD knows none
            loss = f"loss {history['objective'][-1]:.4f}"
            _update(f"training: iteration {fitted_estimator.n_iter_}, {loss}{gradient}, {seconds:.1f} s")


@contextmanager
def watched(model: Any) -> Iterator[None]:
    """Show on a terminal how the fit of ``model`` in the block, which is inside `progress`, gets on."""
    if _spinner is None or not _spinner.console.is_terminal or not hasattr(model, "set_callbacks"):
        yield  # scikit-learn before 1.9 has no callbacks
        return
    model.set_callbacks(Watch())
    try:
        yield
    finally:
        model.set_callbacks()


@contextmanager
def progress(doing: str) -> Iterator[Callable[[str], None]]:
    """Show on stderr what is being done: in a terminal a spinner, everywhere a notice when code is compiled.

    Yields
    ------
    callable
        Takes a text about the present step, which the spinner shows.
    """
    global _spinner
    console = Console(stderr=True, highlight=False)
    notice = "compiling the loops: on the first run this takes a moment ..."
    try:
        with when_compiling(lambda: console.print(notice)), console.status(f"{doing} ...") as _spinner:
            yield lambda more: _update(f"{doing}: {more} ...")
    finally:
        _spinner = None


def _update(text: str) -> None:
    if _spinner is not None:
        _spinner.update(text)


def print_json(value: dict[str, Any]) -> None:
    """Print for machines."""
    print(json.dumps(value, indent=2, default=str))
