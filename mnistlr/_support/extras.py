"""Libraries that only an extra of this package brings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mnistlr.exceptions import MissingExtraError


@contextmanager
def needed(library: str, extra: str, what: str) -> Iterator[None]:
    """Raise MissingExtraError if a module that the block imports is not there.

    Parameters
    ----------
    library, extra : str
        The library that is imported, and the extra that brings it.
    what : str
        What needs it, as the subject of a sentence: "drawing".
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(how_to_install(library, extra, what)) from error


def import_nbformat(what: str) -> Any:
    """Import nbformat for ``what``, such as "writing a notebook", or raise MissingExtraError."""
    with needed("nbformat", "notebook", what):
        import nbformat
    return nbformat


def how_to_install(library: str, extra: str, what: str) -> str:
    """Return the sentence for a library that is not installed."""
    return f"{what} needs {library}, which is not installed; install it with: pip install 'mnistlr[{extra}]'"
