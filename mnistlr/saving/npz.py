"""Read the arrays of an ``.npz`` that may come from anyone.

Nothing in the file is executed, and no size that it declares is believed before the file is known to have it:

- an ``.npz`` is a zip; only members that are stored as they are, without compression, are read, and together they may
  not be larger than the file;
- an array's header, which NumPy would evaluate as a Python literal, must look exactly as NumPy writes it. Only plain
  types are taken, and the number of bytes that follow must fit type and shape.
"""

import math
import os
import re
import zipfile
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistlr.exceptions import ModelFileError

_KINDS = "biufUSmM"  # what numpy stores as it is: all but objects, records and complex numbers
_MAGIC = b"\x93NUMPY\x01\x00"  # version 1.0, which numpy writes for all headers below 64 kB; uint16 length follows
_HEADER = re.compile(
    rf"\{{'descr': '(?P<dtype>[<>|][{_KINDS}]\d{{1,10}}(?:\[\w+\])?)', 'fortran_order': (?P<fortran>False|True), "
    r"'shape': \((?P<shape>|\d{1,19},|\d{1,19}(?:, \d{1,19})+)\), \} *\n",
    re.ASCII,
)


class Npz:
    """The arrays of an ``.npz`` file by name, read one by one.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Raises
    ------
    ModelFileError
        Here and in `read`. What zipfile and NumPy raise for damaged bytes passes as it is.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._unread = os.fstat(file.fileno()).st_size
        if not zipfile.is_zipfile(file):
            raise ModelFileError("is no model file: it is not an .npz, or it is truncated.")
        self._archive = zipfile.ZipFile(file)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in self._members:
                raise ModelFileError(f"is damaged: it has two arrays named {name!r}.")
            self._members[name] = member

    @property
    def names(self) -> set[str]:
        """Names of all arrays."""
        return set(self._members)

    def read(self, name: str) -> NDArray[Any]:
        """Return an array, C-contiguous and writable."""
        member = self._members[name]
        self._unread -= member.file_size
        if (
            member.compress_type != zipfile.ZIP_STORED
            or member.file_size != member.compress_size
            or self._unread < 0  # several members may share the same bytes
        ):
            raise ModelFileError("is no model file: its parts are compressed, or larger than the file.")
        return _parse_npy(self._archive.read(member), name)


def _parse_npy(contents: bytes, name: str) -> NDArray[Any]:
    start = len(_MAGIC) + 2 + int.from_bytes(contents[len(_MAGIC) : len(_MAGIC) + 2], "little")
    header = _HEADER.fullmatch(contents[len(_MAGIC) + 2 : start].decode("latin-1"))
    if not contents.startswith(_MAGIC) or header is None:
        raise ModelFileError(
            f"is no model file: its part {name!r} is no array of numbers, strings or times in npy format 1.0."
        )
    dtype = np.dtype(header["dtype"])
    shape = tuple(int(size) for size in header["shape"].split(",") if size)
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes != len(contents) - start or dtype.itemsize == 0:
        raise ModelFileError(f"is damaged: array {name!r} should have {n_bytes} bytes of data.")
    values = np.frombuffer(contents, dtype, offset=start) if n_bytes else np.empty(0, dtype)
    return values.reshape(shape, order="F" if header["fortran"] == "True" else "C").copy()
