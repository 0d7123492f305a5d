"""From Dask arrays and data frames to checked blocks on the workers."""

import math
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask import delayed
from distributed import Client, Future, futures_of

from mnistlr.exceptions import ArgumentError
from mnistlr.on_dask import block as on_block
from mnistlr.on_dask.cluster import share_out, told


class Parts(NamedTuple):
    """The blocks of X, y and sample_weight, side by side: delayed objects, None for no weights."""

    X: list[Any]
    y: list[Any]
    weight: list[Any]
    is_held: bool
    """Whether X lies on the workers already."""


def delayed_blocks(X: Any, y: Any, sample_weight: Any = None) -> Parts:
    """Cut y and sample_weight as X is cut.

    Parameters
    ----------
    X : Dask array (n, d) or data frame
    y, sample_weight : Dask array or series, or array-like, shape (n,)

    Raises
    ------
    ArgumentError
        If they cannot be.
    """
    if X.ndim != 2:
        raise ArgumentError(f"Expected a Dask array or frame of 2 axes, samples by features, got {X.ndim}.")
    is_held = bool(futures_of(X))
    if isinstance(X, da.Array):
        X = X.rechunk({1: -1}) if X.numblocks[1] != 1 else X
        # One task with the reading, so that another worker, should it take over, is sent a name and no data.
        named = X if is_held else X.map_blocks(on_block.name_file, dtype=X.dtype, meta=X._meta)
        blocks = list(named.to_delayed().ravel())
    else:
        blocks = X.to_delayed()
    y = cut_like(y, X, len(blocks), "y")
    sample_weight = cut_like(sample_weight, X, len(blocks), "sample_weight")
    return Parts(blocks, y, sample_weight, is_held)


def cut_like(column: Any, X: Any, n_blocks: int, name: str) -> list[Any]:
    """Return the blocks of a column, cut as X is cut.

    Parameters
    ----------
    column : Dask array or series, array-like, shape (n,) or (n, 1), or None
    X : Dask array (n, ...), series or data frame
    n_blocks : int
        How many blocks X has.
    name : str
        What a message calls the column.

    Returns
    -------
    list
        Of arrays, delayed objects, or None for no column.

    Raises
    ------
    ArgumentError
        If it has another length or other blocks, or blocks of unknown length are in the way.
    """
    if column is None:
        return [None] * n_blocks
    lengths = X.chunks[0] if isinstance(X, da.Array) else (math.nan,)
    is_known = not any(map(math.isnan, lengths))
    if not hasattr(column, "dask"):
        column = np.asarray(column)
        if not is_known:
            raise ArgumentError(
                f"The blocks of X are of unknown length, so that {name}, which is no Dask array, cannot be cut like "
                f"it; give {name} as a Dask array or series with as many blocks, or call X.compute_chunk_sizes()."
            )
        if len(column) != sum(lengths):
            raise ArgumentError(f"Found {sum(lengths)} samples in X, but {len(column)} entries in {name}.")
        return [column[stop - length : stop] for length, stop in zip(lengths, np.cumsum(lengths), strict=True)]
    if isinstance(column, da.Array):
        if column.ndim == 2 and column.shape[1] == 1:
            column = column[:, 0]
        if is_known and not any(map(math.isnan, column.chunks[0])):
            if column.shape[0] != X.shape[0]:
                raise ArgumentError(f"Found {X.shape[0]} samples in X, but {column.shape[0]} entries in {name}.")
            column = column.rechunk((lengths, *column.chunks[1:]))
        blocks = list(column.to_delayed().ravel())
    else:
        blocks = column.to_delayed()
    if len(blocks) != n_blocks:
        raise ArgumentError(f"X has {n_blocks} blocks and {name} {len(blocks)}; expected as many, of the same lengths.")
    return blocks


def load(client: Client, parts: Parts, checker: Any) -> list[Future]:
    """Have the workers compute and check the blocks; return them as futures of ``Block``.

    Neighbouring blocks go to one worker, unless X lies on the workers already.

    Parameters
    ----------
    client : Client
    parts : Parts
    checker : estimator
        See ``block.check``.

    Raises
    ------
    ClusterError
        If there is no worker, or the cluster is lost.
    """
    check = delayed(on_block.check, pure=False)
    with told():
        checked = [check(number, *part, checker) for number, part in enumerate(zip(*parts[:3], strict=True))]
        if parts.is_held:
            return list(client.compute(checked))
        futures: list[Future] = []
        for worker, numbers in share_out(client, len(checked)).items():
            futures += client.compute([checked[k] for k in numbers], workers=[worker], allow_other_workers=True)
        return futures
