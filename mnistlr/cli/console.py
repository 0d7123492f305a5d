"""Where commands print: results to stdout, progress to stderr."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event
from rich.console import Console


def open_console() -> Console:
    """Return the console of stdout, which prints text as it is: a label may be "[/]" or ":x:"."""
    # Where NO_COLOR is set, rich alone would still print bold and dim.
    no_colour = bool(os.environ.get("NO_COLOR"))
    return Console(highlight=False, markup=False, emoji=False, color_system=None if no_colour else "auto")


@contextmanager
def progress(doing: str) -> Iterator[Callable[[str], None]]:
    """Say on stderr what is being done, in a terminal, and that code is being compiled, everywhere.

    Gives a function that says more closely what is being done.
    """
    console = Console(stderr=True, highlight=False)
    notice = _CompilationNotice(console)
    event.register("numba:compile", notice)  # type: ignore[no-untyped-call]
    try:
        with console.status(f"{doing} ...") as status:
            yield lambda more: status.update(f"{doing}: {more} ...")
    finally:
        event.unregister("numba:compile", notice)  # type: ignore[no-untyped-call]


class _CompilationNotice(event.Listener):
    """Says once that numba has begun to compile: it does so only where its cache has no code to load."""

    def __init__(self, console: Console) -> None:
        self._console: Console | None = console

    def on_start(self, _: Any) -> None:
        if self._console is not None:
            self._console.print("compiling the loops: on the first run this takes a moment ...")
            self._console = None

    def on_end(self, _: Any) -> None:
        pass


def print_json(value: dict[str, Any]) -> None:
    """Print for machines."""
    print(json.dumps(value, indent=2, default=str))
