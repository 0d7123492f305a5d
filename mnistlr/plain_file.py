"""Open a file for reading, and nothing but a file."""

import os
import stat
from typing import BinaryIO

from mnistlr.exceptions import MnistlrError


def open_plain(path: str | os.PathLike[str], error: type[MnistlrError]) -> BinaryIO:
    """Open a plain file for reading; raise ``error`` if a folder, a pipe, a socket or a device lies there.

    Opening a named pipe waits for somebody to write, and reading from a device may never end: neither happens.
    """
    if os.path.isdir(path):
        raise error(f"expected a file, but {os.fspath(path)} is a folder.")
    file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115  the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise error(f"expected a plain file, but {os.fspath(path)} is a pipe, a socket or a device.")
    return file


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
