"""Recognise the objects of other libraries without importing them."""

from typing import Any

from mnistlr.exceptions import ArgumentError


def is_dask(X: Any) -> bool:
    """Return whether X is a Dask array, series or data frame."""
    return type(X).__module__.partition(".")[0] in ("dask", "dask_expr")


def check_in_process(taker: str, **data: Any) -> None:
    """Raise ArgumentError if one of the arguments, given by name, is on Dask; ``mnistlr.on_dask`` has the like."""
    for name, value in data.items():
        if is_dask(value):
            raise ArgumentError(
                f"{name} is on Dask, but mnistlr.{taker} takes data in this process; expected an array, or another "
                f"import: `from mnistlr.on_dask import {taker}`."
            )


def is_arrow(X: Any) -> bool:
    """Return whether X is an Arrow table or a part of one."""
    return type(X).__module__.partition(".")[0] == "pyarrow"
