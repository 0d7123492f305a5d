"""From files to Dask arrays whose blocks the workers read, and from Dask arrays to checked blocks on the workers."""

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask import delayed
from distributed import Client, Future, futures_of

from mnistlr.datasets.folder import find_idx_files, is_emnist
from mnistlr.datasets.idx import open_idx
from mnistlr.exceptions import ArgumentError, DataFormatError, MissingExtraError
from mnistlr.on_dask import worker
from mnistlr.on_dask.cluster import reporting_loss, share_out
from mnistlr.on_dask.worker import MappedArray

PathLike = str | os.PathLike[str]

BLOCKS, LEAST_BYTES, MOST_BYTES = 16, 8 << 20, 64 << 20
"""Smaller blocks cost more than they save. Larger ones balance badly, and one must fit into a worker's memory."""


def open_array(path: PathLike, *, rows: int | None = None) -> da.Array:
    """Open an IDX file, a ``.npy`` file or a Zarr array as a Dask array in blocks of rows.

    Blocks of IDX and ``.npy`` files are memory maps: nothing is read before it is used, and unless they take little of
    a worker's memory a fit reads them anew in each pass and keeps none. Blocks of Zarr arrays are unpacked once, and a
    fit keeps them in the workers' memory.

    Parameters
    ----------
    path : path-like
        Every worker must find the file under this name. A folder is taken to be a Zarr array.
    rows : int, optional
        Rows of a block, for Zarr rounded up to whole chunks; by default a sixteenth of all, if that makes 8 to 64 MB.

    Returns
    -------
    dask.array.Array, shape (n,) or (n, d)
        The axes behind the first are made one: images become rows of pixels.

    Raises
    ------
    DataFormatError
        If the file is no such file, or cannot be mapped: gzipped IDX, ``.npy`` in Fortran order or of objects.
    MissingExtraError
        If it is a Zarr array and Zarr is not installed.
    """
    path = Path(path).absolute()
    if path.is_dir():
        return _open_zarr(path, rows)
    if path.suffix != ".npy":
        return _in_blocks(open_idx(path), path, rows)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise DataFormatError(f"{path}: expected a .npy file that can be memory-mapped; {error}") from error
    return _in_blocks(array, path, rows)


def open_folder(
    path: PathLike, *, name: str | None = None, rows: int | None = None
) -> tuple[da.Array, da.Array, da.Array, da.Array]:
    """Open the four IDX files of a data set as Dask arrays; see ``load_idx_folder`` for their names.

    As there, the images of EMNIST, recognised by the names, are turned upright.

    Parameters
    ----------
    path : path-like
        The folder; the files must be unpacked.
    name : str, optional
        Which data set, where the folder holds several.
    rows : int, optional
        Rows of a block; by default as in ``open_array`` for the images of each part.

    Returns
    -------
    X_train, X_test, y_train, y_test : dask.array.Array
        Images (n, pixels) and labels (n,) in the same blocks.

    Raises
    ------
    DataFormatError
        If a file is missing, damaged or gzipped, or if images and labels do not belong together.
    """
    files = find_idx_files(path, name)
    split = []
    for subset in ("train", "t10k"):
        X = open_array(files[f"{subset}-images"], rows=rows)
        if is_emnist(files[f"{subset}-images"]):
            shape = open_idx(files[f"{subset}-images"]).shape[1:]
            X = X.map_blocks(_upright, shape, dtype=X.dtype, meta=X._meta)
        y = open_array(files[f"{subset}-labels"], rows=X.chunksize[0])
        if X.ndim != 2 or y.ndim != 1 or X.shape[0] != y.shape[0]:
            raise DataFormatError(
                f"expected images and a label for each, but {files[f'{subset}-images']} is of shape {X.shape} and "
                f"{files[f'{subset}-labels']} of shape {y.shape}."
            )
        split.append((X, y))
    (X_train, y_train), (X_test, y_test) = split
    return X_train, X_test, y_train, y_test


def _in_blocks(array: Any, path: Path, rows: int | None) -> da.Array:
    mapped = MappedArray.of(array)
    if mapped is None or array.ndim == 0:
        raise DataFormatError(
            f"{path}: expected a file of rows, one after the other, but it holds {array.dtype.name} of shape "
            f"{array.shape}{'' if array.flags.c_contiguous else ' in Fortran order'}, which cannot be mapped in blocks."
        )
    n, width = array.shape[0], math.prod(array.shape[1:])
    mapped = mapped._replace(shape=(n, width) if array.ndim > 1 else (n,))
    rows = rows or _rows(n, array.itemsize * width)
    lengths = (*(rows,) * (n // rows), *(n % rows,) * (n % rows > 0))
    chunks = (lengths, *((axis,) for axis in mapped.shape[1:]))
    meta = np.empty((0,) * len(chunks), array.dtype)
    return da.map_blocks(
        _read, mapped, chunks=chunks, dtype=array.dtype, meta=meta, name=f"mnistlr-{da.core.tokenize(mapped, rows)}"
    )


def _rows(n: int, bytes_each: int) -> int:
    """Return how many of ``n`` rows make a block."""
    n_bytes = min(max(n * bytes_each // BLOCKS, LEAST_BYTES), MOST_BYTES)
    return max(1, n_bytes // max(bytes_each, 1))


def _read(mapped: MappedArray, block_info: Any = None) -> Any:
    start, stop = block_info[None]["array-location"][0]
    return mapped.rows(start, stop).open()


def _upright(block: Any, shape: tuple[int, ...]) -> Any:
    """Exchange rows and columns of images, given as rows of pixels."""
    return block.reshape(-1, *shape).transpose(0, 2, 1).reshape(len(block), -1)


def _open_zarr(path: Path, rows: int | None) -> da.Array:
    try:
        import zarr  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{path} is a folder, so taken to be a Zarr array; reading it takes: pip install zarr"
        ) from error
    try:
        array = da.from_zarr(str(path))
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise DataFormatError(f"{path}: expected a Zarr array in this folder; {error}") from error
    if array.ndim > 2:
        array = array.rechunk({axis: -1 for axis in range(1, array.ndim)}).reshape(array.shape[0], -1)
    chunk = array.chunksize[0]
    rows = rows or _rows(array.shape[0], array.itemsize * math.prod(array.shape[1:]))
    return array.rechunk({0: -(-rows // chunk) * chunk, **{axis: -1 for axis in range(1, array.ndim)}})


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
        named = X if is_held else X.map_blocks(worker.name_file, dtype=X.dtype, meta=X._meta)
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
        See ``worker.check``.

    Raises
    ------
    ClusterError
        If there is no worker, or the cluster is lost.
    """
    check = delayed(worker.check, pure=False)
    with reporting_loss():
        checked = [check(number, *part, checker) for number, part in enumerate(zip(*parts[:3], strict=True))]
        if parts.is_held:
            return list(client.compute(checked))
        futures: list[Future] = []
        for address, numbers in share_out(client, len(checked)).items():
            futures += client.compute([checked[k] for k in numbers], workers=[address], allow_other_workers=True)
        return futures
