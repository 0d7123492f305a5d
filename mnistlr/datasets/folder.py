"""A folder with four IDX files, the form in which MNIST, Fashion-MNIST and EMNIST are published."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr.datasets.idx import PathLike, open_idx, read_idx
from mnistlr.exceptions import DataFormatError

Split = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]

PARTS = ("train-images", "t10k-images", "train-labels", "t10k-labels")

# train-images-idx3-ubyte, train-images.idx3-ubyte, emnist-letters-test-labels-idx1-ubyte.gz, ...
_FILE_NAME = re.compile(
    r"(?P<name>|.*[-_.])(?P<subset>train|t10k|test)-(?P<kind>images|labels)[-.]idx[13]-ubyte(?P<gz>\.gz)?"
)


def load_idx_folder(path: PathLike, *, name: str | None = None, transpose: bool | None = None) -> Split:
    """Load a data set that lies in a folder as four IDX files: MNIST, Fashion-MNIST, EMNIST and their like.

    The files are found by their names: ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``; ``test`` may stand for ``t10k``, ``.idx3`` for
    ``-idx3``, ``.gz`` may follow and a data set's name may lead, as in EMNIST's
    ``emnist-letters-train-images-idx3-ubyte.gz``. A file that is there both ways is taken unpacked. One that lies in a
    folder of the same name, as some programs unpack it, is found there.

    EMNIST stores its images transposed, rows for columns. A data set whose file names begin with ``emnist`` is
    recognised, and its images are turned upright, as MNIST's are.

    Parameters
    ----------
    path : path-like
        The folder.
    name : str, optional
        Which data set, where the folder holds several: what leads the file names, such as
        ``"emnist-letters"``; ``""`` for files without such a lead. ``path`` may end in it instead:
        ``"gzip/emnist-letters"``.
    transpose : bool, optional
        Whether to exchange rows and columns of every image. By default only EMNIST's are; False leaves them as they
        are in the file, True is for files of EMNIST under other names.

    Returns
    -------
    X_train, X_test : ndarray of uint8, shape (n, pixels)
        One image a row, read-only and C-contiguous. Files that are neither gzipped nor transposed are
        memory-mapped.
    y_train, y_test : ndarray of int64, shape (n,)
        The labels, read-only.

    Raises
    ------
    DataFormatError
        If the folder or one of the four files is missing, if it holds several data sets and `name` does not
        choose one, if a file is damaged, or if images and labels do not belong together.
    """
    files = find_idx_files(path, name)
    arrays = {part: read_part(file) for part, file in files.items()}
    for part, array in arrays.items():
        _check_kind(part, array, files[part])
        turned = part.endswith("images") and array.ndim == 3
        if turned and (is_emnist(files[part]) if transpose is None else transpose):
            arrays[part] = np.ascontiguousarray(array.transpose(0, 2, 1))
    for subset in ("train", "t10k"):
        n_images, n_labels = len(arrays[f"{subset}-images"]), len(arrays[f"{subset}-labels"])
        if n_images != n_labels:
            raise DataFormatError(
                f"expected a label for each image, but {files[f'{subset}-images']} has {n_images} images and "
                f"{files[f'{subset}-labels']} {n_labels} labels."
            )
    train_shape, test_shape = arrays["train-images"].shape[1:], arrays["t10k-images"].shape[1:]
    if train_shape != test_shape:
        raise DataFormatError(
            f"expected images of one size, but those of {files['train-images']} are {train_shape} and those "
            f"of {files['t10k-images']} {test_shape}."
        )
    return as_split(arrays)


def find_idx_files(folder: PathLike, name: str | None = None) -> dict[str, Path]:
    """Return the paths of the four `PARTS` of the data set ``name`` (None: the only one) in ``folder``."""
    folder = Path(folder)
    if name is None and not folder.exists() and folder.name in _data_sets(folder.parent):
        folder, name = folder.parent, folder.name
    if not folder.is_dir():
        state = "is no folder" if folder.exists() else "does not exist"
        raise DataFormatError(f"expected a folder with the four IDX files of a data set, but {folder} {state}.")
    found = _data_sets(folder)
    if name is None and len(found) > 1:
        names, first = ", ".join(repr(name) for name in sorted(found)), folder / max(found)
        raise DataFormatError(f"{folder} holds several data sets; choose one by name=, one of {names}, or as {first}.")
    if not found:
        raise DataFormatError(
            f"expected the four IDX files of a data set in {folder} (train-images-idx3-ubyte and so on, "
            f"gzipped or not), but none is there{_what_else(folder, PARTS)}."
        )
    files = found.get(next(iter(found)) if name is None else name, {})
    missing = [part for part in PARTS if part not in files]
    if missing:
        lead = f" of {name!r}" if name else ""
        there = f"; it holds {', '.join(map(repr, sorted(found)))}" if name is not None and not files else ""
        raise DataFormatError(
            f"expected four IDX files{lead} in {folder}, but {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing{there or _what_else(folder, missing)}."
        )
    return {part: files[part] for part in PARTS}


def data_set_of(file: Path) -> str:
    """Return what leads the name of an IDX file: the name of its data set, or an empty string."""
    match = _FILE_NAME.fullmatch(file.name)
    return match["name"].rstrip("-_.") if match else ""


def is_emnist(file: Path) -> bool:
    """Return whether a file belongs to EMNIST by its name, and so holds its images transposed."""
    return file.name.lower().startswith("emnist")


def _data_sets(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the files of each data set in a folder: what leads their names -> part -> path."""
    found: dict[str, dict[str, Path]] = {}
    for file in _files(folder):
        match = _FILE_NAME.fullmatch(file.name)
        if match and not file.name.startswith("."):
            subset = "train" if match["subset"] == "train" else "t10k"
            found.setdefault(data_set_of(file), {})[f"{subset}-{match['kind']}"] = file
    return found


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder and of folders in it that have the name of an IDX file; the best come last."""
    if not folder.is_dir():
        return []
    files = [entry for entry in folder.iterdir() if entry.is_file()]
    named = [entry for entry in folder.iterdir() if entry.is_dir() and _FILE_NAME.fullmatch(entry.name)]
    files += [file for entry in named for file in entry.iterdir() if file.is_file()]
    return sorted(files, key=lambda file: (file.suffix != ".gz", file.parent == folder, file.name))


def _what_else(folder: Path, parts: Sequence[str]) -> str:
    """Return what there is instead of missing parts: files of another name, or the right ones further down."""
    below = (path for pattern in ("*", "*/*") for path in sorted(folder.glob(pattern)) if path.is_dir())
    holding = next((path for path in below if _FILE_NAME.fullmatch(path.name) is None and _has_data(path)), None)
    if holding is not None:
        return f", but in {holding}; give that folder"
    words = [part.split("-") for part in parts]
    near = [
        file.name
        for file in sorted(folder.iterdir())
        if not file.name.startswith(".")  # what macOS leaves behind
        and any(kind in file.name and subset in file.name.replace("test", "t10k") for subset, kind in words)
    ]
    return f"; {near[0]!r} has another name, rename it" if near else ""


def read_part(file: Path) -> NDArray[Any]:
    """Memory-map an IDX file, or read it if it is gzipped."""
    with open(file, "rb") as start:
        is_gzipped = start.read(2) == b"\x1f\x8b"
    return read_idx(file) if is_gzipped else open_idx(file)


def as_split(arrays: dict[str, NDArray[Any]]) -> Split:
    """Turn the four `PARTS` as stored into ``X_train, X_test, y_train, y_test``, read-only."""
    # np.asarray makes a plain array of a memory map: the same bytes, without a subclass's cost at each slice.
    split = (
        np.asarray(arrays["train-images"]).reshape(len(arrays["train-images"]), -1),
        np.asarray(arrays["t10k-images"]).reshape(len(arrays["t10k-images"]), -1),
        np.array(arrays["train-labels"], np.int64),
        np.array(arrays["t10k-labels"], np.int64),
    )
    for array in split:
        array.flags.writeable = False
    return split


def _check_kind(part: str, array: NDArray[Any], file: Path) -> None:
    if part.endswith("images"):
        expected, good = (
            "uint8 images, an array of 2 axes or more",
            array.dtype == np.uint8 and array.ndim >= 2,
        )
    else:
        expected, good = "integer labels, an array of 1 axis", array.dtype.kind in "iu" and array.ndim == 1
    if not good or array.size == 0:
        raise DataFormatError(f"{file}: expected {expected}, but it holds {array.dtype.name} of shape {array.shape}.")


def _has_data(folder: Path) -> bool:
    with suppress(OSError):  # it may not be looked into
        return bool(_data_sets(folder))
    return False
