"""The IDX file format, in which MNIST, Fashion-MNIST and EMNIST are published: read, memory-map, write.

An IDX file is one array. All numbers are big-endian::

    0  0  element type  rank      four bytes; the type is one of the six codes below
    size of the first axis        uint32, and so on for each of the `rank` axes
    ...
    the elements                  last axis fastest (C order)

The file may be gzipped; that is recognised by its first two bytes, not by its name.
The format is described at the foot of the page where MNIST was first published: LeCun, Cortes and Burges,
"The MNIST database of handwritten digits".
"""

import gzip
import hashlib
import math
import os
import struct
import sys
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlr._support.files import atomic_write, open_plain
from mnistlr.exceptions import DataFormatError

PathLike = str | os.PathLike[str]

_DTYPE_OF_CODE: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODE_OF_DTYPE = {dtype: code for code, dtype in _DTYPE_OF_CODE.items()}
_MAX_RANK = 64  # NumPy's own limit
_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_MAX_RATIO = 1032  # no deflate stream unpacks to more than this many times its size (zlib's technical notes)
_CHUNK = 1 << 20


def read_idx(path: PathLike) -> NDArray[Any]:
    """Read an IDX file, gzipped or not.

    Memory is asked for only once the file is known to be able to hold what its header promises, so a header
    that lies costs nothing; a gzipped file is unpacked no further than the header's promise.

    Parameters
    ----------
    path : path-like
        The file. Whether it is gzipped is seen from its contents.

    Returns
    -------
    ndarray
        The array in the machine's byte order, C-contiguous: uint8, int8, int16, int32, float32 or float64, of
        any rank (a file of rank 0 holds one number).

    Raises
    ------
    DataFormatError
        If the file is no plain file or no IDX file, is shorter or longer than its header says or larger than memory,
        or its gzip stream is damaged.
    OSError
        If the file cannot be opened.
    """
    with open_plain(path, DataFormatError) as file:
        return read_idx_stream(file, os.fspath(path), os.fstat(file.fileno()).st_size)


def read_idx_stream(file: BinaryIO, name: str, size: int) -> NDArray[Any]:
    """Read an IDX array from an open, seekable file of ``size`` bytes; ``name`` is for the errors."""
    is_gzipped = file.read(2) == _GZIP_MAGIC
    file.seek(0)
    if not is_gzipped:
        dtype, shape, start = _read_header(file, name)
        _check_size(name, dtype, shape, start, size)
        return _read_elements(file, name, dtype, shape)
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
            dtype, shape, start = _read_header(unpacked, name)
            promised = start + _n_bytes(dtype, shape)
            if promised > size * _DEFLATE_MAX_RATIO:
                raise DataFormatError(
                    f"{name}: the header promises {_describe(dtype, shape)}, {promised} bytes in all, more "
                    f"than {size} gzipped bytes can hold; the file is truncated or its header is damaged."
                )
            array = _read_elements(unpacked, name, dtype, shape)
            if unpacked.read(1):  # this read also reaches the end of the stream, where gzip checks its CRC
                raise DataFormatError(
                    f"{name}: the header promises {_describe(dtype, shape)}, {promised} bytes in all, but "
                    "more bytes follow; the file is no plain IDX file or its header is damaged."
                )
            return array
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFormatError(
            f"{name}: expected a whole gzip stream, but it is damaged or cut short ({error}); get the file anew."
        ) from error


def open_idx(path: PathLike) -> NDArray[Any]:
    """Memory-map an IDX file that is not gzipped: nothing is read until it is used.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    ndarray
        Read-only `numpy.memmap` of the elements, big-endian as they lie in the file (for single bytes there
        is no difference). A file with no elements gives an ordinary, empty array, since nothing can be
        mapped.

    Raises
    ------
    DataFormatError
        If the file is no plain file, is gzipped, is no IDX file, or is shorter or longer than its header announces.
    OSError
        If the file cannot be opened.
    """
    name = os.fspath(path)
    with open_plain(path, DataFormatError) as file:
        if file.read(2) == _GZIP_MAGIC:
            raise DataFormatError(f"{name} is gzipped and cannot be memory-mapped; unpack it or use read_idx.")
        file.seek(0)
        dtype, shape, start = _read_header(file, name)
        _check_size(name, dtype, shape, start, os.fstat(file.fileno()).st_size)
        if 0 not in shape:
            return np.memmap(file, dtype=dtype, mode="r", offset=start, shape=shape)
    array = np.empty(shape, dtype)
    array.flags.writeable = False
    return array


def write_idx(path: PathLike, array: ArrayLike) -> None:
    """Write an array as an IDX file; gzipped if the name ends in ``.gz``.

    The file appears under its name when it is complete; a failure leaves what was there before. The gzipped
    form carries no time stamp, so equal arrays give equal files.

    Parameters
    ----------
    path : path-like
        The file; its folder must exist.
    array : array-like
        uint8, int8, int16, int32, float32 or float64, of any rank.

    Raises
    ------
    DataFormatError
        If IDX has no such element type, or an axis is longer than 2**32 - 1.
    OSError
        If the file cannot be written.
    """
    array = np.asarray(array)
    header = idx_header(array)
    elements = _big_endian_bytes(array)
    with atomic_write(path) as file:
        if os.fspath(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
                packed.write(header)
                packed.write(elements)
        else:
            file.write(header)
            file.write(elements)


def idx_header(array: NDArray[Any]) -> bytes:
    """Return the header of the IDX file that holds ``array``."""
    code = _CODE_OF_DTYPE.get(array.dtype.newbyteorder(">"))
    if code is None:
        known = ", ".join(dtype.name for dtype in _CODE_OF_DTYPE)
        raise DataFormatError(f"IDX has no element type for {array.dtype}; convert the array to one of {known}.")
    if max(array.shape, default=0) >= 2**32:
        raise DataFormatError(f"IDX stores at most 2**32 - 1 elements along an axis, the array is {array.shape}.")
    return struct.pack(f">2xBB{array.ndim}I", code, array.ndim, *array.shape)


def idx_sha256(array: NDArray[Any]) -> str:
    """Return the SHA-256 of the (not gzipped) IDX file that holds ``array``."""
    digest = hashlib.sha256(idx_header(array))
    digest.update(_big_endian_bytes(array))
    return digest.hexdigest()


def _big_endian_bytes(array: NDArray[Any]) -> memoryview:
    contiguous = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">"))
    return contiguous.reshape(-1).view(np.uint8).data


def _read_header(file: Any, name: str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Return the element type, the shape and the offset of the first element."""
    start = file.read(4)
    if len(start) < 4:
        raise DataFormatError(f"{name} is no IDX file: expected a header of at least 4 bytes, it has {len(start)}.")
    if start.lstrip()[:1] == b"<":
        raise DataFormatError(f"{name} is no IDX file but a web page; get the file itself.")
    if start[:2] != b"\0\0":
        raise DataFormatError(f"{name} is no IDX file: expected two zero bytes at its start, found {start!r}.")
    code, rank = start[2], start[3]
    if code not in _DTYPE_OF_CODE:
        known = ", ".join(f"0x{code:02X} ({dtype.name})" for code, dtype in _DTYPE_OF_CODE.items())
        raise DataFormatError(f"{name}: unknown IDX element type 0x{code:02X}; expected one of {known}.")
    if rank > _MAX_RANK:
        raise DataFormatError(f"{name}: the header says {rank} axes, expected at most {_MAX_RANK}.")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise DataFormatError(
            f"{name}: the header says {rank} axes and should go on for {4 * rank} bytes, but the file ends "
            f"after {len(sizes)} of them."
        )
    dtype, shape = _DTYPE_OF_CODE[code], struct.unpack(f">{rank}I", sizes)
    # NumPy refuses an impossible shape even where another axis is 0 and no element is there.
    if math.prod(size for size in shape if size) * dtype.itemsize > sys.maxsize:
        raise DataFormatError(f"{name}: the header promises {_describe(dtype, shape)}, more than memory can address.")
    return dtype, shape, 4 + 4 * rank


def _check_size(name: str, dtype: np.dtype[Any], shape: tuple[int, ...], start: int, size: int) -> None:
    promised = start + _n_bytes(dtype, shape)
    if size != promised:
        raise DataFormatError(
            f"{name}: the header promises {_describe(dtype, shape)}, {promised} bytes in all, but the file "
            f"has {size}; it is {'truncated' if size < promised else 'too long'} or its header is damaged."
        )


def _read_elements(file: Any, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    # The pages of an empty array cost memory only when they are written, that is as the elements arrive.
    try:
        array = np.empty(shape, dtype)
    except MemoryError as error:
        raise DataFormatError(
            f"{name}: the header promises {_describe(dtype, shape)}, {_n_bytes(dtype, shape)} bytes, more than this "
            "machine has memory for; if the header is right, open_idx reads the file piece by piece, once unpacked."
        ) from error
    target = memoryview(array.reshape(-1).view(np.uint8))
    filled = 0
    while filled < len(target):
        n_read = file.readinto(target[filled : filled + _CHUNK])
        if not n_read:
            raise DataFormatError(
                f"{name}: the header promises {_describe(dtype, shape)}, {len(target)} bytes of elements, "
                f"but they end after {filled}; the file is truncated or its header is damaged."
            )
        filled += n_read
    return array.astype(dtype.newbyteorder("="), copy=False)


def _n_bytes(dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    return math.prod(shape) * dtype.itemsize


def _describe(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    return f"{dtype.name} of shape {shape}"
