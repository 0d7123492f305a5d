"""Load MNIST, wherever it can be had: a folder, the cache, the network.

The cache holds the four files unpacked. They are checked when they are written, so that loading them again
is a memory map and takes milliseconds; `verify_mnist` checks them anew.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.files import atomic_write, sweep_leftovers
from mnistlr.datasets.folder import Split, as_split, find_idx_files, read_part
from mnistlr.datasets.idx import PathLike, idx_header, idx_sha256, open_idx
from mnistlr.datasets.mnist_files import MNIST_FILES, check_contents, check_shape
from mnistlr.exceptions import DataFormatError, DataUnavailableError

_ARGUMENT = "the folder argument"


class FileCheck(NamedTuple):
    """What `verify_mnist` found out about one of the four files."""

    name: str
    """Name of the original file, unpacked."""
    path: Path | None
    """Where it lies; None if it is missing."""
    expected: str
    """SHA-256 that the unpacked file must have."""
    found: str | None
    """SHA-256 that it has; None if it could not be read."""
    ok: bool
    """Whether the two are equal."""
    size: int
    """Size of the file at `path` in bytes."""
    problem: str
    """One sentence, empty if `ok`."""


class MnistLocation(NamedTuple):
    """Where `load_mnist` would take the data from."""

    kind: Literal["folder", "cache", "download", "none"]
    """``"none"``: neither here nor, being offline, to be downloaded."""
    path: Path | None
    """The folder or the cache; for a download, the cache that it would fill."""
    detail: str
    """One sentence."""


@overload
def load_mnist(
    folder: PathLike | None = None,
    *,
    return_all: Literal[False] = False,
    offline: bool | None = None,
    cache_dir: PathLike | None = None,
) -> Split: ...
@overload
def load_mnist(
    folder: PathLike | None = None,
    *,
    return_all: Literal[True],
    offline: bool | None = None,
    cache_dir: PathLike | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]: ...
def load_mnist(
    folder: PathLike | None = None,
    *,
    return_all: bool = False,
    offline: bool | None = None,
    cache_dir: PathLike | None = None,
) -> Split | tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Load MNIST: 70,000 images of handwritten digits, 28x28 pixels each.

    The sources, in order: `folder`, or else the folder that the environment variable ``MNISTLR_DATA`` names;
    the cache; two mirrors of the original files; OpenML's ``mnist_784``. A folder that is given must hold the
    data: nothing else is tried then. From the network the data go into the cache.
    Whatever the source, the pixels and labels are byte for byte the original ones (SHA-256).

    Parameters
    ----------
    folder : path-like, optional
        A folder with the four IDX files, gzipped or not.
    return_all : bool, default=False
        Whether to return the 70,000 images in one array, in OpenML's order, which is the training set
        followed by the test set.
    offline : bool, optional
        Whether to stay off the network. By default the environment variable ``MNISTLR_OFFLINE`` decides.
    cache_dir : path-like, optional
        The cache; by default the environment variable ``MNISTLR_CACHE`` or the user's cache folder.

    Returns
    -------
    X_train, X_test : ndarray of uint8, shapes (60000, 784) and (10000, 784)
        One image a row, 0 for the background to 255, read-only and C-contiguous.
    y_train, y_test : ndarray of int64, shapes (60000,) and (10000,)
        The digits, read-only.

    With `return_all`, instead of these ``X`` of shape (70000, 784) and ``y`` of shape (70000,).

    Raises
    ------
    DataFormatError
        If the folder that is given does not hold MNIST.
    DataUnavailableError
        If no folder is given and no other source gave the data; the message names each and why.
    """
    given = _given_folder(folder)
    arrays = _read_folder(*given) if given else _read_cache_or_fill(cache_folder(cache_dir), is_offline(offline))
    X_train, X_test, y_train, y_test = split = as_split(arrays)
    if not return_all:
        return split
    X, y = np.concatenate([X_train, X_test]), np.concatenate([y_train, y_test])
    X.flags.writeable = y.flags.writeable = False
    return X, y


def fetch_mnist(
    *,
    source_folder: PathLike | None = None,
    cache_dir: PathLike | None = None,
    offline: bool | None = None,
    force: bool = False,
) -> Path:
    """Fill the cache with MNIST, or check the files there and replace those that are missing or damaged.

    Parameters
    ----------
    source_folder : path-like, optional
        A folder to take the four files from; by default the one that ``MNISTLR_DATA`` names, or else the
        network.
    cache_dir, offline
        As in `load_mnist`.
    force : bool, default=False
        Whether to replace good files as well.

    Returns
    -------
    Path
        The cache folder, with the four files unpacked.

    Raises
    ------
    DataFormatError
        If the source folder does not hold MNIST.
    DataUnavailableError
        If no source gave the data, or the cache cannot be written.
    """
    cache = cache_folder(cache_dir)
    given = _given_folder(source_folder)
    for file in MNIST_FILES.values():
        sweep_leftovers(cache / file.file_name)
    bad = list(MNIST_FILES) if force else _bad_in_cache(cache)
    if given:
        arrays = _read_folder(*given)
        for part in bad:
            _store(cache, part, arrays[part])
    elif bad:
        _download(cache, bad, is_offline(offline), [])
    return cache


def verify_mnist(folder: PathLike | None = None, cache_dir: PathLike | None = None) -> list[FileCheck]:
    """Compute the SHA-256 of the four files that `load_mnist` would use now, without a network.

    Parameters
    ----------
    folder, cache_dir
        As in `load_mnist`.

    Returns
    -------
    list of FileCheck
        One a file, in the order of ``X_train, X_test, y_train, y_test``. Files that are missing or damaged
        are no errors but entries that say so.

    Raises
    ------
    DataFormatError
        If the folder given is none or holds no four such files.
    """
    given = _given_folder(folder)
    if given:
        return [_check_file(part, path, read_part) for part, path in _find_mnist(*given).items()]
    return list(_check_cache(cache_folder(cache_dir)).values())


def mnist_location(
    folder: PathLike | None = None, *, cache_dir: PathLike | None = None, offline: bool | None = None
) -> MnistLocation:
    """Tell where `load_mnist` would take MNIST from, without touching the network or reading the data.

    A folder that is given is not looked into; `verify_mnist` does that.

    Parameters
    ----------
    folder, cache_dir, offline
        As in `load_mnist`.

    Returns
    -------
    MnistLocation
    """
    given = _given_folder(folder)
    if given:
        path, origin = given
        return MnistLocation("folder", path, f"the folder {path}, given by {origin}")
    cache = cache_folder(cache_dir)
    try:
        _open_cache(cache)
    except (DataFormatError, OSError) as error:
        state = _cache_state(cache, error)
        if is_offline(offline):
            return MnistLocation("none", None, f"nowhere ({state}; the network is switched off)")
        return MnistLocation("download", cache, f"the network ({state})")
    return MnistLocation("cache", cache, f"the cache {cache}")


def cache_folder(cache_dir: PathLike | None = None) -> Path:
    """Return the cache: ``cache_dir``, or what ``MNISTLR_CACHE`` names, or the user's cache folder."""
    chosen = cache_dir or os.environ.get("MNISTLR_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("mnistlr"))


def is_offline(offline: bool | None = None) -> bool:
    """Return ``offline``, or what ``MNISTLR_OFFLINE`` says where it is None."""
    if offline is not None:
        return offline
    return os.environ.get("MNISTLR_OFFLINE", "").strip().lower() not in ("", "0", "no", "false", "off")


def _given_folder(folder: PathLike | None) -> tuple[Path, str] | None:
    """Return the folder that the caller or the environment names, and which of them."""
    if folder is not None:
        return Path(folder).expanduser(), _ARGUMENT
    named = os.environ.get("MNISTLR_DATA")
    return (Path(named).expanduser(), "MNISTLR_DATA") if named else None


def _find_mnist(folder: Path, origin: str) -> dict[str, Path]:
    try:
        return find_idx_files(folder, name="")
    except DataFormatError as error:
        asked = "" if origin == _ARGUMENT else f"{origin} should name a folder with MNIST: "
        raise DataFormatError(f"{asked}{error}") from error


def _read_folder(folder: Path, origin: str) -> dict[str, NDArray[Any]]:
    arrays = {}
    for part, file in _find_mnist(folder, origin).items():
        arrays[part] = read_part(file)
        try:
            check_contents(part, arrays[part], file)
        except DataFormatError as error:
            raise DataFormatError(f"{error} Get the original file, or read other data with load_idx_folder.") from error
    return arrays


def _open_cache(cache: Path) -> dict[str, NDArray[Any]]:
    arrays = {}
    for part, file in MNIST_FILES.items():
        arrays[part] = open_idx(cache / file.file_name)
        check_shape(part, arrays[part], cache / file.file_name)
    return arrays


def _read_cache_or_fill(cache: Path, offline: bool) -> dict[str, NDArray[Any]]:
    try:
        return _open_cache(cache)
    except (DataFormatError, OSError) as error:
        bad = _bad_in_cache(cache)
        if bad:  # else another process has just filled the cache
            _download(cache, bad, offline, ["MNISTLR_DATA: not set", _cache_state(cache, error)])
    return _open_cache(cache)


def _cache_state(cache: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the cache {cache}: MNIST is not in it"
    reason = str(error).rstrip(".")
    return f"the cache {cache}: damaged, to be mended by `mnistlr fetch` where there is a network ({reason})"


def _download(cache: Path, parts: list[str], offline: bool, tried: list[str]) -> None:
    """Download ``parts`` into the cache; ``tried`` are the sources already found wanting, for the error."""
    if offline:
        tried = [*tried, "the network: switched off (offline=True or MNISTLR_OFFLINE)"]
    else:
        from mnistlr.datasets.download import download_mnist

        def accept(part: str, array: NDArray[Any], where: str) -> None:
            check_contents(part, array, where)
            _store(cache, part, array)

        _make_folder(cache)  # before the download, lest it be for nothing
        tried = [*tried, *download_mnist(parts, accept)]
    if parts:
        raise DataUnavailableError(
            "MNIST could not be had from any source; put its four IDX files into a folder and run "
            f"`mnistlr fetch --from FOLDER` or set MNISTLR_DATA to it. Tried {'; '.join(tried)}."
        )


def _store(cache: Path, part: str, array: NDArray[Any]) -> None:
    _make_folder(cache)
    try:
        with atomic_write(cache / MNIST_FILES[part].file_name, follow_links=False) as file:
            file.write(idx_header(array))
            file.write(np.ascontiguousarray(array).data)
    except OSError as error:
        raise _cannot_write(cache, error) from error


def _make_folder(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache).close()  # can it be written?
    except OSError as error:
        raise _cannot_write(cache, error) from error


def _cannot_write(cache: Path, error: OSError) -> DataUnavailableError:
    return DataUnavailableError(
        f"MNIST cannot be stored in the cache {cache} ({error.strerror or error}); set MNISTLR_CACHE to a "
        "folder that can be written and has 55 MB free."
    )


def _bad_in_cache(cache: Path) -> list[str]:
    return [part for part, check in _check_cache(cache).items() if not check.ok]


def _check_cache(cache: Path) -> dict[str, FileCheck]:
    return {part: _check_file(part, cache / file.file_name, open_idx) for part, file in MNIST_FILES.items()}


def _check_file(part: str, path: Path, read: Callable[[Path], NDArray[Any]]) -> FileCheck:
    file = MNIST_FILES[part]
    found, size, problem = None, 0, ""
    try:
        size = path.stat().st_size
        array = read(path)
        found = idx_sha256(array)
        check_contents(part, array, path)
    except FileNotFoundError:
        return FileCheck(file.file_name, None, file.sha256, None, False, 0, f"{path} is missing.")
    except (DataFormatError, OSError) as error:
        problem = str(error)
    return FileCheck(file.file_name, path, file.sha256, found, found == file.sha256, size, problem)
