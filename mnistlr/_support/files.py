"""Write a file so that a reader sees the old contents or the new, never a part; open plain files only."""

import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mnistlr.exceptions import MnistlrError

_ATTEMPTS = 100


@contextmanager
def atomic_write(path: str | os.PathLike[str], *, follow_links: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` for writing; give it that name when the block ends well.

    The temporary file is in the same folder, because a rename is atomic only within one file system. When the block
    raises, the temporary file is removed and ``path`` stays what it was. If the process is killed meanwhile, its
    temporary file is removed by the next one that writes to the same ``path``.

    Parameters
    ----------
    path : path-like
        The file.
    follow_links : bool, default=True
        Whether a symbolic link of that name stays, and the file that it leads to is written. Otherwise the link is
        replaced: right for a cache, where a link can only be an attack.

    Raises
    ------
    OSError
        If the file cannot be written, or something other than a plain file has its name: a rename would put a
        file in the place of ``/dev/null``.
    """
    path = Path(os.path.realpath(path) if follow_links else path)
    check_writable(path)
    sweep_leftovers(path)  # first: a full disk may be full of them
    try:
        temporary, file = _create_beside(path)
    except OSError as error:
        raise _about(path, error) from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name on empty blocks
            if sys.platform != "win32":
                os.replace(temporary, path)  # before closing, which ends the lock
        if sys.platform == "win32":  # which renames no open file
            os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, str(temporary)):
            raise _about(path, error) from error
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check in advance, before expensive work, whether ``atomic_write`` would fail.

    Raises
    ------
    OSError
        If there is no such folder, it takes no files, or something other than a plain file has the name.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.is_symlink():  # its target, or the link itself, is replaced
        return
    if path.is_dir():
        raise IsADirectoryError(f"expected the name of a file to write, but {path} is a folder.")
    if path.exists() and not path.is_file():
        raise OSError(f"expected the name of a plain file to write, but {path} is a pipe, a socket or a device.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path} cannot be written: you may not write into the folder {path.parent.resolve()}.")


def sweep_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files of processes that were killed while they wrote ``path``.

    A process that writes holds a lock on its temporary file. The system releases the lock when the process ends, in
    whatever way. So a file that can be locked has no owner any more. Windows has no such locks, and nothing is removed
    there.
    """
    path = Path(path)
    temporary_name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    with suppress(OSError):  # no such folder
        for name in filter(temporary_name.fullmatch, os.listdir(path.parent)):
            _remove_if_abandoned(path.with_name(name))


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


def _about(path: Path, error: OSError) -> OSError:
    """Return an error about the file that was to be written: nobody knows the temporary one."""
    told = type(error)(f"{path} cannot be written: {error.strerror or error}.")
    told.errno = error.errno
    return told


def _create_beside(path: Path) -> tuple[Path, BinaryIO]:
    for _ in range(_ATTEMPTS):
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            # "x": a file or a link of that name is not ours to write to or to remove.
            file = open(temporary, "xb")  # noqa: SIM115
        except FileExistsError:
            continue
        _lock(file.fileno())
        if temporary.exists():  # else it was swept in the moment before it was locked
            return temporary, file
        file.close()
    raise FileExistsError(f"no temporary file can be created beside {path}: {_ATTEMPTS} names in a row were taken.")


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        pass

    def _remove_if_abandoned(temporary: Path) -> None:
        pass

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        with suppress(OSError):  # a file system without locks: then no sweeper gets one either
            fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _remove_if_abandoned(temporary: Path) -> None:
        with suppress(OSError):  # a link, in use, another user's, or gone already
            descriptor = os.open(temporary, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(temporary)
            finally:
                os.close(descriptor)
