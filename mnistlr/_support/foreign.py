"""Recognise what other libraries made, without importing them."""

from typing import Any


def is_dask(X: Any) -> bool:
    """Whether X is a Dask array, series or data frame."""
    return type(X).__module__.partition(".")[0] in ("dask", "dask_expr")
