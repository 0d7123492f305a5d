"""Save a fitted model and load it again, without pickle.

A model file is a NumPy ``.npz``: a zip of arrays, stored uncompressed, which ``numpy.load`` opens too.

==============  ====================================================================================
``header``      JSON in UTF-8, as uint8: format and its version, class, parameters, labels, provenance
``coef``        shape (1 or n_classes, n_features), in the units of the raw input; of a DigitReader, of its
                features
``intercept``   shape (1 or n_classes,)
``classes``     the labels in their own dtype; absent for Python strings, which are in the header
``history_*``   one array a field of ``history_``
``compass``     of a DigitReader: its directions, as in ``EdgeFeatures``
``*_windows``   of a DigitReader: ``row_windows`` and ``column_windows``, as in ``EdgeFeatures``
==============  ====================================================================================

A file may come from anyone. It is read by a parser that executes nothing and believes no size that the file does not
have (`npz`), and it is taken for a model only after every shape, type and number in it has been checked (`contents`).
"""

import hashlib
import io
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mnistlr._support.files import atomic_write, check_writable, open_plain
from mnistlr._version import __version__
from mnistlr.exceptions import ModelFileError
from mnistlr.saving.contents import CLASSES, Model, build, describe, entry, plain, seed_of
from mnistlr.saving.npz import Npz

__all__ = ["Model", "ModelFile", "load_model", "read_model_file", "save_model"]

FORMAT = "mnistlr model"
FORMAT_VERSION = 1


class ModelFile(NamedTuple):
    """A model and the provenance in its file."""

    model: Model
    """The fitted estimator."""
    provenance: dict[str, Any]
    """How it was made: versions, date, seed and what the caller of `save_model` added."""


def save_model(
    model: Model,
    path: str | os.PathLike[str],
    *,
    training_data: tuple[Any, Any] | None = None,
    accuracy: float | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Save a fitted model.

    The file appears under its name complete or not at all; a failure leaves an older file as it was.

    Parameters
    ----------
    model : LogisticRegression, SoftmaxRegression or DigitReader
        A fitted estimator. A ``random_state`` that is not an int is not kept. A class of the same name above one of
        these is saved as this one.
    path : path-like
        The file to write, by custom ``*.npz``.
    training_data : (X, y), optional
        What the model was fitted on, of which the file then holds the SHA-256.
    accuracy : float, optional
        As measured, to be kept in the file.
    provenance : mapping, optional
        What else to remember of the model's making, of values that JSON can hold. Versions, date (UTC) and seed are
        added. ``"data"`` and ``"accuracy"`` take the place of what the two parameters above would give.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError
        If it is another kind of model.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    ModelFileError
        If a parameter, a label or the provenance is of a kind that a model file cannot hold, or the model could not
        be loaded again: because its coefficients were set to other shapes, say, or are not finite.
    OSError
        If the file cannot be written, or something other than a plain file has its name.
    """
    path = Path(path)
    if not isinstance(model, CLASSES.get(type(model).__name__, ())):
        raise TypeError(f"expected one of {', '.join(CLASSES)}, got {type(model).__name__}.")
    check_is_fitted(model)
    check_writable(path)
    try:
        about, arrays = describe(model)
        header = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **about,
            "provenance": {
                **_versions_and_date(),
                "seed": seed_of(model),
                "data": None if training_data is None else _checksums(*training_data),
                "accuracy": accuracy,
                **(provenance or {}),
            },
        }
        text = json.dumps(header, default=plain, allow_nan=False)
    except ModelFileError:
        raise
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the provenance or a parameter of the model cannot be stored: {error}.") from error
    try:
        build(json.loads(text), arrays)
    except ValueError as error:
        raise ModelFileError(f"the model cannot be saved, since its file would be refused: it {error}") from error
    arrays["header"] = np.frombuffer(text.encode(), dtype=np.uint8)
    contents = io.BytesIO()  # zipfile complains on its way out if it is the one to find the disk full
    np.savez(contents, **arrays)  # type: ignore[arg-type]
    with atomic_write(path) as file:
        file.write(contents.getbuffer())
    return path


def load_model(path: str | os.PathLike[str]) -> Model:
    """Load a model that `save_model` wrote.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    LogisticRegression, SoftmaxRegression or DigitReader
        The fitted estimator, with the same bits in every array.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is no model file, is damaged, or was written by a newer version.
    """
    return read_model_file(path).model


def read_model_file(path: str | os.PathLike[str]) -> ModelFile:
    """Load a model together with its provenance; parameters and errors are those of `load_model`."""
    path = Path(path)
    with open_plain(path, ModelFileError) as file:
        try:
            npz = Npz(file)
            if "header" not in npz.names:
                raise ModelFileError("is no model file: it is an .npz without this package's header.")
            header = _parse_header(npz.read("header"))  # a newer version is known before anything else is looked at
            model = build(header, {name: npz.read(name) for name in sorted(npz.names - {"header"})})
            return ModelFile(model, entry(header, "provenance", dict))
        except ModelFileError as error:
            raise ModelFileError(f"{path} {_short(error)}") from error
        # Whatever else damaged bytes provoke in the parsers of zip, npy and JSON means the same.
        except Exception as error:
            reason = _short(error).rstrip(".") or type(error).__name__
            raise ModelFileError(f"{path} is no model file, or is damaged: {reason}.") from error


def _short(error: Exception) -> str:
    """Return the message on one line, and not at the length that a hostile file would give it."""
    line = "".join(c if c.isprintable() else " " for c in str(error)[:400])
    return line if len(line) <= 300 else line[:297] + "..."


def _checksums(X: Any, y: Any) -> dict[str, Any]:
    """Return the SHA-256 of the data's bytes: values in C order, or data, indices and indptr of a sparse matrix."""
    import scipy.sparse as sp

    y = np.asarray(y)
    if y.dtype == object:  # its bytes are addresses
        y = y.astype(np.str_)
    parts = (X.data, X.indices, X.indptr) if sp.issparse(X) else (np.asarray(X),)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part).view(np.uint8).reshape(-1).data)
    sha256 = {"X": digest.hexdigest(), "y": hashlib.sha256(y.tobytes()).hexdigest()}
    return {"shape": list(X.shape), "sha256": sha256}


def _versions_and_date() -> dict[str, Any]:
    import numba
    import sklearn

    versions = {
        "mnistlr": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "scikit-learn": sklearn.__version__,
    }
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), "versions": versions}


def _parse_header(raw: NDArray[Any]) -> dict[str, Any]:
    if raw.dtype != np.uint8 or raw.ndim != 1:
        raise ModelFileError("is no model file: it is an .npz without this package's header.")
    header = json.loads(raw.tobytes().decode(), parse_constant=_refuse_constant)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelFileError("is no model file: it is an .npz with another header than this package's.")
    found = header.get("format_version")
    if type(found) is not int or found < 1:
        raise ModelFileError(f"is damaged: expected a format version from 1, found {found!r}.")
    if found > FORMAT_VERSION:
        raise ModelFileError(
            f"was written by a newer version of mnistlr (format {found}; this one reads up to {FORMAT_VERSION}); "
            "upgrade mnistlr to read it."
        )
    return header


def _refuse_constant(name: str) -> None:
    raise ModelFileError(f"is damaged: there is a {name} in its header, which JSON does not have.")
