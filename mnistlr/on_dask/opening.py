"""Data on disk as Dask arrays whose blocks the workers read for themselves."""

import math
import os
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np

from mnistlr.datasets.folder import find_idx_files
from mnistlr.datasets.idx import open_idx
from mnistlr.exceptions import DataFormatError, MissingExtraError
from mnistlr.on_dask.block import MappedArray

PathLike = str | os.PathLike[str]

BLOCKS, LEAST_BYTES, MOST_BYTES = 16, 8 << 20, 64 << 20
"""Smaller blocks cost more than they save; larger ones share out worse, and a worker has one in memory."""


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
