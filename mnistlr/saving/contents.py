"""What a model file holds, from a fitted model and back: the entries of the header, and the arrays.

A model is built only after every shape, type and number has been checked. Nothing is believed of sizes but what the
arrays have.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.threads import count_threads
from mnistlr.estimators import LogisticRegression, SoftmaxRegression
from mnistlr.exceptions import ModelFileError
from mnistlr.features.edges import compass, windows_of_grids
from mnistlr.features.pixels import image_shape
from mnistlr.features.reader import FEATURES_VERSION, DigitReader

Linear = LogisticRegression | SoftmaxRegression
Model = Linear | DigitReader
Arrays = dict[str, NDArray[Any]]

CLASSES: dict[str, type[Model]] = {cls.__name__: cls for cls in (LogisticRegression, SoftmaxRegression, DigitReader)}

_LABEL_KINDS = "biufUSmM"  # dtypes that numpy stores as they are: all but objects
_SCALING = (
    "none: X @ coef.T + intercept is the decision function of the input as it is; a model of uint8 pixels takes "
    "pixels from 0 to 255"
)
_SCALING_OF_READER = (
    "0 is paper; uint8 pixels are ink up to 255, other types up to full_ink; features @ coef.T + intercept is the "
    "decision function"
)


def describe(model: Model) -> tuple[dict[str, Any], Arrays]:
    """Return the header's entries about a fitted model, and its arrays.

    Raises
    ------
    ModelFileError
        If the labels are of a kind that cannot be stored.
    """
    is_reader = isinstance(model, DigitReader)
    classifier: Linear = model.classifier_ if is_reader else model
    arrays = {"coef": np.asarray(classifier.coef_), "intercept": np.asarray(classifier.intercept_)}
    # A model of partial_fit alone has no history.
    arrays |= {f"history_{name}": np.asarray(values) for name, values in getattr(classifier, "history_", {}).items()}
    labels = _describe_labels(model.classes_)
    if "values" not in labels:
        arrays["classes"] = model.classes_
    header = {
        "class": type(model).__name__,
        "parameters": _describe_parameters(model),
        "labels": labels,
        "input_scaling": _SCALING_OF_READER if is_reader else _SCALING,
        "input_range": [float(end) for end in getattr(classifier, "_trained_range", [])] or None,
        "n_features_in_": int(model.n_features_in_),
        "feature_names_in_": _feature_names(model),
        "n_iter_": int(model.n_iter_),
        "stop_reason_": str(model.stop_reason_),
    }
    if is_reader:
        header["features"] = {"version": FEATURES_VERSION, "full_ink": float(model.deskew_.full_ink_)}
        edges = model.edges_
        arrays |= {
            "compass": edges.compass_,
            "row_windows": edges.row_windows_,
            "column_windows": edges.column_windows_,
        }
    return header, arrays


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
        parameters["random_state"] = seed_of(model)
    for name, value in parameters.items():
        if isinstance(value, dict):  # class weights: JSON would turn labels into strings
            parameters[name] = {"pairs": [[plain(key), weight] for key, weight in value.items()]}
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
    sequences = {name: tuple(value) for name, value in parameters.items() if isinstance(value, list)}
    model = cls(**(parameters | sequences))
    model._validate_params()
    count_threads(model.n_jobs)  # refuses 0
    return model


def _feature_names(model: Model) -> list[str] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def seed_of(model: Model) -> int | None:
    """Return the ``random_state`` if it is a number."""
    seed = model.random_state
    return int(seed) if isinstance(seed, (int, np.integer)) else None


def plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python value that JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{value!r} is of type {type(value).__name__}, which JSON cannot hold")


def build(header: dict[str, Any], arrays: Arrays) -> Model:
    """Return the model that `describe` described.

    Raises
    ------
    ModelFileError
        For whatever could not have come from there. ValueError and others for values that no model takes.
    """
    name = entry(header, "class", str)
    if name not in CLASSES:
        raise ModelFileError(f"holds a {name!r}; expected one of {', '.join(CLASSES)}.")
    model = _read_parameters(CLASSES[name], entry(header, "parameters", dict))
    model.n_features_in_ = entry(header, "n_features_in_", int)
    if isinstance(model, DigitReader):
        _build_reader(model, header, arrays)
    else:
        _build_linear(model, header, arrays, {"coef", "intercept", "classes"})
    names = header.get("feature_names_in_")
    if names is not None:
        model.feature_names_in_ = _feature_names_array(names, model.n_features_in_)
    return model


def entry(header: dict[str, Any], name: str, kind: type) -> Any:
    """Return an entry of the header, which has to be of this type."""
    if type(header.get(name)) is not kind:
        raise ModelFileError(f"is damaged: its header has no {name!r} of type {kind.__name__}.")
    return header[name]


def _build_linear(model: Linear, header: dict[str, Any], arrays: Arrays, expected: set[str]) -> None:
    """Give a model with parameters and a number of features all the rest."""
    n_features, model.classes_ = model.n_features_in_, _read_labels(entry(header, "labels", dict), arrays)
    n_raw = len(model.classes_) if len(model.classes_) > 2 else 1
    if isinstance(model, LogisticRegression) and len(model.classes_) != 2:
        raise ModelFileError(f"is damaged: a LogisticRegression has 2 classes, found {len(model.classes_)}.")
    model.coef_ = _numbers(arrays, "coef", (n_raw, n_features))
    model.intercept_ = _numbers(arrays, "intercept", (n_raw,))
    model.n_iter_, model.stop_reason_ = entry(header, "n_iter_", int), entry(header, "stop_reason_", str)
    if n_features < 1 or model.n_iter_ < 0:
        raise ModelFileError(f"is damaged: its header has {n_features} features and {model.n_iter_} iterations.")
    history = {n.removeprefix("history_"): a for n, a in arrays.items() if n.startswith("history_")}
    unknown = sorted(arrays.keys() - expected - {f"history_{name}" for name in history})
    if unknown:
        raise ModelFileError(f"is damaged: a model has no array named {unknown[0]!r}.")
    if not all(values.ndim == 1 and values.dtype == np.float64 for values in history.values()):
        raise ModelFileError("is damaged: expected its history as float64 arrays of one axis.")
    if history:
        model.history_ = history
    ends = header.get("input_range")
    if ends is not None:
        if not isinstance(ends, list) or len(ends) != 2 or not all(type(end) is float for end in ends):
            raise ModelFileError("is damaged: expected the range of its input as two numbers.")
        model._trained_range = tuple(ends)


def _build_reader(reader: DigitReader, header: dict[str, Any], arrays: Arrays) -> None:
    about = entry(header, "features", dict)
    version, full_ink = entry(about, "version", int), entry(about, "full_ink", float)
    if version != FEATURES_VERSION:
        age = "a newer" if version > FEATURES_VERSION else "an older"
        raise ModelFileError(
            f"was trained by {age} version of mnistlr, whose features differ (version {version}, here "
            f"{FEATURES_VERSION}); train the model anew, or use that version."
        )
    if not (0 < full_ink < math.inf):
        raise ModelFileError(f"is damaged: expected a full ink above 0, found {full_ink}.")
    grids, directions = reader.grids, reader.directions
    if not grids or not all(type(grid) is int and grid >= 1 for grid in grids):
        raise ModelFileError(f"is damaged: expected the sides of one or more grids, found {grids}.")
    deskew, edges, classifier = reader.steps()
    directions_and_windows = (
        _directions_or_windows(arrays, "compass", 2, directions + 2),
        *(_directions_or_windows(arrays, name, sum(grids)) for name in ("row_windows", "column_windows")),
    )
    edges.set_constants(*directions_and_windows)
    shape = (edges.row_windows_.shape[1], edges.column_windows_.shape[1])
    n_pixels = math.prod(shape)
    if reader.n_features_in_ != n_pixels or image_shape(n_pixels, reader.shape) != shape:
        raise ModelFileError(
            f"is damaged: {reader.n_features_in_} pixels in the shape {reader.shape} are no images of "
            f"{shape[0]}x{shape[1]} pixels."
        )
    classifier.n_features_in_ = directions * sum(grid * grid for grid in grids)
    _build_linear(
        classifier, header, arrays, {"coef", "intercept", "classes", "compass", "row_windows", "column_windows"}
    )
    expected = (compass(directions), *(windows_of_grids(size, grids) for size in shape))
    if not all(np.allclose(*pair, atol=1e-6) for pair in zip(directions_and_windows, expected, strict=True)):
        raise ModelFileError("is damaged: its directions or windows are not those of its features.")
    for step, ink in ((deskew, full_ink), (edges, 255.0)):
        step.n_features_in_, step.shape_, step.full_ink_ = n_pixels, shape, ink
    reader.deskew_, reader.edges_, reader.classifier_ = deskew, edges, classifier
    reader.classes_, reader.n_iter_, reader.stop_reason_ = (
        classifier.classes_,
        classifier.n_iter_,
        classifier.stop_reason_,
    )


def _directions_or_windows(arrays: Arrays, name: str, n_rows: int, n_columns: int | None = None) -> NDArray[Any]:
    values = arrays.get(name)
    n_columns = values.shape[-1] if n_columns is None and values is not None and values.ndim else n_columns
    numbers = _numbers(arrays, name, (n_rows, n_columns or 1))
    if numbers.dtype != np.float32:
        raise ModelFileError(f"is damaged: expected {name} as float32, found {numbers.dtype}.")
    return numbers


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
