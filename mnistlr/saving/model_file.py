"""Save a fitted model and load it again, without pickle.

A model file is a NumPy ``.npz``: a zip of arrays, stored uncompressed, which ``numpy.load`` opens too.

==============  ====================================================================================
``header``      JSON in UTF-8, as uint8: format and its version, class, parameters, labels, provenance
``coef``        shape (1 or n_classes, n_features), in the units of the raw input
``intercept``   shape (1 or n_classes,)
``classes``     the labels in their own dtype; absent for Python strings, which are in the header
``history_*``   one array a field of ``history_``
==============  ====================================================================================

A file may come from anyone. It is read by a parser that executes nothing and believes no size that the file does not
have (`npz`), and it is taken for a model only after every shape, type and number in it has been checked.
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
from mnistlr._support.threads import count_threads
from mnistlr._version import __version__
from mnistlr.estimators import LogisticRegression, SoftmaxRegression
from mnistlr.exceptions import ModelFileError
from mnistlr.saving.npz import Npz

FORMAT = "mnistlr model"
FORMAT_VERSION = 1

Model = LogisticRegression | SoftmaxRegression

_CLASSES: dict[str, type[Model]] = {cls.__name__: cls for cls in (LogisticRegression, SoftmaxRegression)}
_LABEL_KINDS = "biufUSmM"  # dtypes that numpy stores as they are: all but objects
_SCALING = (
    "none: X @ coef.T + intercept is the decision function of the input as it is; a model of uint8 pixels takes "
    "pixels from 0 to 255"
)


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
    model : LogisticRegression or SoftmaxRegression
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
    if not isinstance(model, _CLASSES.get(type(model).__name__, ())):
        raise TypeError(f"expected a {' or a '.join(_CLASSES)}, got {type(model).__name__}.")
    check_is_fitted(model)
    check_writable(path)
    arrays = {"coef": np.asarray(model.coef_), "intercept": np.asarray(model.intercept_)}
    # A model of partial_fit alone has no history.
    arrays |= {f"history_{name}": np.asarray(values) for name, values in getattr(model, "history_", {}).items()}
    labels = _describe_labels(model.classes_)
    if "values" not in labels:
        arrays["classes"] = model.classes_
    try:
        header = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "class": type(model).__name__,
            "parameters": _describe_parameters(model),
            "labels": labels,
            "input_scaling": _SCALING,
            "n_features_in_": int(model.n_features_in_),
            "feature_names_in_": _feature_names(model),
            "n_iter_": int(model.n_iter_),
            "stop_reason_": str(model.stop_reason_),
            "provenance": {
                **_versions_and_date(),
                "seed": _seed(model),
                "data": None if training_data is None else _checksums(*training_data),
                "accuracy": accuracy,
                **(provenance or {}),
            },
        }
        text = json.dumps(header, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the provenance or a parameter of the model cannot be stored: {error}.") from error
    try:
        _build_model(json.loads(text), arrays)
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
    LogisticRegression or SoftmaxRegression
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
            return _build_model(header, {name: npz.read(name) for name in sorted(npz.names - {"header"})})
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


def _describe_labels(classes: NDArray[Any]) -> dict[str, Any]:
    kind = classes.dtype.kind
    if kind in _LABEL_KINDS:
        return {"dtype": _dtype_name(classes)}
    values = classes.tolist()
    if kind == "O" and all(type(value) is str for value in values):
        return {"dtype": _dtype_name(classes), "values": values}
    raise ModelFileError(
        f"labels of type {classes.dtype} ({type(values[0]).__name__}) cannot be stored; use strings, bytes, numbers "
        "or booleans."
    )


def _describe_parameters(model: Model) -> dict[str, Any]:
    parameters: dict[str, Any] = model.get_params(deep=False)
    if "random_state" in parameters:
        parameters["random_state"] = _seed(model)
    for name, value in parameters.items():
        if isinstance(value, dict):  # class weights: JSON would turn labels into strings
            parameters[name] = {"pairs": [[_plain(key), weight] for key, weight in value.items()]}
    return parameters


def _read_parameters(cls: type[Model], parameters: dict[str, Any]) -> Model:
    """Return an estimator with these parameters, not fitted."""
    unknown = sorted(parameters.keys() - set(cls._get_param_names()))
    if unknown:
        raise ModelFileError(f"is damaged: {cls.__name__} has no parameter {unknown[0]!r}.")
    weights = parameters.get("class_weight")
    if isinstance(weights, dict):
        pairs = dict(map(tuple, weights["pairs"]))
        if not all(type(weight) in (int, float) and weight >= 0 for weight in pairs.values()):
            raise ModelFileError("is damaged: expected class weights >= 0.")
        parameters = parameters | {"class_weight": pairs}
    model = cls(**parameters)
    model._validate_params()
    count_threads(model.n_jobs)  # refuses 0
    return model


def _seed(model: Model) -> int | None:
    seed = model.random_state
    return int(seed) if isinstance(seed, (int, np.integer)) else None


def _feature_names(model: Model) -> list[str] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


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


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python value that JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{value!r} is of type {type(value).__name__}, which JSON cannot hold")


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


def _build_model(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> ModelFile:
    def entry(name: str, kind: type) -> Any:
        if type(header.get(name)) is not kind:
            raise ModelFileError(f"is damaged: its header has no {name!r} of type {kind.__name__}.")
        return header[name]

    if entry("class", str) not in _CLASSES:
        raise ModelFileError(f"holds a {header['class']!r}; expected {' or '.join(_CLASSES)}.")
    cls = _CLASSES[header["class"]]
    model = _read_parameters(cls, entry("parameters", dict))
    model.classes_ = _read_labels(entry("labels", dict), arrays)
    n_raw = len(model.classes_) if len(model.classes_) > 2 else 1
    n_features = entry("n_features_in_", int)
    if cls is LogisticRegression and len(model.classes_) != 2:
        raise ModelFileError(f"is damaged: a LogisticRegression has 2 classes, found {len(model.classes_)}.")
    model.coef_ = _numbers(arrays, "coef", (n_raw, n_features))
    model.intercept_ = _numbers(arrays, "intercept", (n_raw,))
    model.n_features_in_ = n_features
    names = header.get("feature_names_in_")
    if names is not None:
        model.feature_names_in_ = _feature_names_array(names, n_features)
    model.n_iter_, model.stop_reason_ = entry("n_iter_", int), entry("stop_reason_", str)
    if n_features < 1 or model.n_iter_ < 0:
        raise ModelFileError(f"is damaged: its header has {n_features} features and {model.n_iter_} iterations.")
    history = {n.removeprefix("history_"): a for n, a in arrays.items() if n.startswith("history_")}
    unknown = sorted(arrays.keys() - {"coef", "intercept", "classes"} - {f"history_{name}" for name in history})
    if unknown:
        raise ModelFileError(f"is damaged: a model has no array named {unknown[0]!r}.")
    if not all(values.ndim == 1 and values.dtype == np.float64 for values in history.values()):
        raise ModelFileError("is damaged: expected its history as float64 arrays of one axis.")
    if history:
        model.history_ = history
    return ModelFile(model, entry("provenance", dict))


def _read_labels(labels: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    if "values" in labels:
        values = labels["values"]
        if not isinstance(values, list) or not all(type(value) is str for value in values) or "classes" in arrays:
            raise ModelFileError("is damaged: expected its labels as a list of strings, or else in an array.")
        classes = np.array(values, dtype=object)
    else:
        classes = arrays.get("classes", np.empty(0))
    if classes.ndim != 1 or labels.get("dtype") != _dtype_name(classes):
        raise ModelFileError(
            f"is damaged: expected its labels in an array of shape (n_classes,) and type {labels.get('dtype')!r}, "
            f"found {_dtype_name(classes)!r} of shape {classes.shape}."
        )
    found = classes.tolist()  # fails for text that is none
    if len(classes) < 2 or not np.array_equal(np.unique(classes), classes):
        raise ModelFileError(f"is damaged: expected at least 2 different labels in order, found {found}.")
    if classes.dtype == bool and classes.tobytes() != b"\0\1":
        raise ModelFileError("is damaged: its labels are truth values other than true and false.")
    if classes.dtype.kind == "f" and not np.isfinite(classes).all():
        raise ModelFileError(f"is damaged: its labels are not finite, {found}.")
    return classes


def _dtype_name(classes: NDArray[Any]) -> str:
    return "object" if classes.dtype == object else classes.dtype.str


def _numbers(arrays: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    values = arrays.get(name)
    if values is None or values.dtype not in (np.float32, np.float64) or values.shape != shape:
        found = "none" if values is None else f"{values.dtype} of shape {values.shape}"
        raise ModelFileError(f"is damaged: expected {name} as floats of shape {shape}, found {found}.")
    if not np.isfinite(values).all():
        raise ModelFileError(f"is damaged: its {name} is not finite everywhere.")
    return values


def _feature_names_array(names: Any, n_features: int) -> NDArray[np.object_]:
    if not isinstance(names, list) or len(names) != n_features or not all(type(n) is str for n in names):
        raise ModelFileError(f"is damaged: expected {n_features} names of features.")
    return np.array(names, dtype=object)
