"""Look at what users hand over as data: frames, images, the range of the numbers."""

import inspect
import warnings
from typing import Any
from weakref import WeakSet

import numpy as np

from mnistlr._support.foreign import is_arrow

TYPES = (np.uint8, np.float32, np.float64)  # that stay as they are
LOOKED_AT = 512  # rows that show the range of all
MANY = 16  # a largest value beyond, where it should be 1
PIXELS = 255
_warned: WeakSet[Any] = WeakSet()


def dtype_of(X: Any) -> Any:
    """Return the type to validate X as: uint8 and floats stay, everything else becomes float64."""
    dtype = _common_type(X) if hasattr(X, "dtypes") or is_arrow(X) else getattr(X, "dtype", None)
    return dtype if dtype in TYPES else np.float64


def _common_type(X: Any) -> Any:
    """Return the type that the columns of a frame or an Arrow table have in common."""
    if hasattr(X, "dtypes"):
        dtype = np.asarray(X[:0]).dtype  # an empty piece tells it, but for columns that can have holes
        if dtype.kind != "O":
            return dtype
        types = [getattr(column, "numpy_dtype", column) for column in X.dtypes]
        has_holes = bool(np.any(X.isna()))
    else:
        types = [column.to_pandas_dtype() for column in X.schema.types]
        has_holes = any(column.null_count for column in X.columns)
    try:
        return None if has_holes else np.result_type(*types)
    except TypeError:
        return None


def check_shape(X: Any, n_features: int | None = None) -> None:
    """Refuse images that are not flattened, with the call that flattens them.

    Parameters
    ----------
    X : array-like
    n_features : int, optional
        That a fitted model takes.

    Raises
    ------
    ValueError
        For more than two axes, or one image of two axes.
    """
    shape = getattr(X, "shape", None)
    if shape is None and isinstance(X, list | tuple) and len(X):
        shape = (len(X), *np.shape(X[0]))
    if not isinstance(shape, tuple):
        return
    is_image = len(shape) == 2 and min(shape) > 1 and shape[1] != n_features == shape[0] * shape[1]
    if len(shape) > 2:
        rows = "(len(X), -1)"
    elif is_image or (n_features is not None and shape == (n_features,)):
        rows = "(1, -1)"
    else:
        return
    raise ValueError(
        f"Expected a 2D array, a row for each image, got shape {shape}. Reshape your data: np.reshape(X, {rows})."
    )


def range_of(X: Any) -> tuple[float, float]:
    """Return the least and the largest value of about ``LOOKED_AT`` rows of checked data; of pixels, all there may be.

    The zeros that a sparse matrix does not store count.
    """
    if X.dtype == np.uint8:
        return 0.0, float(PIXELS)
    some = _some_of(X)
    zero = {"initial": 0.0} if hasattr(X, "indptr") else {}
    return float(some.min(**zero)), float(some.max(**zero))


def _some_of(X: Any) -> Any:
    """Return about ``LOOKED_AT`` rows, or as many entries of a sparse matrix, whose indices have not been checked."""
    if hasattr(X, "indptr"):
        return X.data[:: max(1, len(X.data) // (LOOKED_AT * X.shape[1]))]
    return X[:: max(1, X.shape[0] // LOOKED_AT)]


def advise_pixels(given: Any, X: Any) -> None:
    """Warn of checked data that look like pixels, but came in another type."""
    if X.dtype == np.uint8 or range_of(X) != (0, PIXELS):
        return
    values = _some_of(X)
    if (values == np.rint(values)).all():
        kind = getattr(given, "dtype", None) or "other types than uint8"
        warn(
            f"X holds whole numbers from 0 to {PIXELS}, as pixels do, as {kind}. They are taken as they are, and "
            "training on numbers so large is slow. Use X.astype('uint8'): of these the model sees x / 255."
        )


def warn_of_scale(model: Any, X: Any) -> None:
    """Warn, once for a model, of data to predict that are pixels where it learned intensities, or the reverse.

    Parameters
    ----------
    model : estimator
        With ``_trained_range``, the least and the largest value of its training data, or without.
    X : ndarray or sparse matrix, shape (n, d)
        Checked.
    """
    low, high = getattr(model, "_trained_range", (-1.0, 1.0))
    if low < 0 or (high == PIXELS and X.dtype == np.uint8) or not X.shape[0] > 0 or model in _warned:
        return
    least, largest = (0.0, float(_some_of(X).max(initial=0))) if X.dtype == np.uint8 else range_of(X)
    if least < 0 or largest <= 0:
        return
    if high == PIXELS and largest <= 1:
        advice = "Multiply them by 255, or fit on X / 255"
    elif high <= 1 and MANY < largest <= PIXELS:
        advice = "Divide them by 255, or fit on pixels"
    else:
        return
    _warned.add(model)
    warn(
        f"{type(model).__name__} was fitted on values from {low:g} to {high:g}, but is given values from {least:g} to "
        f"{largest:g}: predictions will be wrong. {advice}."
    )


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn in the name of the line that called this package."""
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals.get("__name__", "").startswith(("mnistlr.", "sklearn.callback")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
