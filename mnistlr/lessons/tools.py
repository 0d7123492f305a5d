"""What lessons start with: pictures of digits, a way to show them, and the place of a function's source."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import mnistlr
from mnistlr.datasets import load_mnist
from mnistlr.datasets.named import load_named
from mnistlr.exceptions import ArgumentError, DataUnavailableError
from mnistlr.plots.style import NORMAL, against_for, as_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLE = 36001  # the image of MNIST that the tutorial follows: a 2
MOST = 10_000


def load(
    most: int = MOST, *, stored: bool = False
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Load pictures of digits, from the first that is there: MNIST, or scikit-learn's small ones. Use no network.

    Parameters
    ----------
    most : int
        Pictures to learn from, at most.
    stored : bool
        Whether to return the pixels as they are stored, as ``uint8`` from 0 to 255.

    Returns
    -------
    X : ndarray of float64, shape (n, n_pixels)
        Pictures to learn from, one a row; the ink of each pixel from 0 to 1.
    X_test : ndarray of float64, shape (n_test, n_pixels)
        Others, to test on.
    y, y_test : ndarray of int64, shapes (n,) and (n_test,)
        The digits.
    two : ndarray of float64, shape (n_pixels,)
        The picture of a 2 that the lessons follow.

    Raises
    ------
    DataFormatError
        If MNISTLR_DATA names a folder that does not hold MNIST.
    """
    try:
        X, X_test, y, y_test = load_mnist(offline=True)
        name, two = "MNIST", X[EXAMPLE]
    except DataUnavailableError:
        digits = load_named("digits")
        X, X_test, y, y_test = digits.X_train, digits.X_test, digits.y_train, digits.y_test
        name, two = "Small digits (for MNIST, run `mnistlr fetch`)", X[y == 2][0]
    X, y = X[:most], y[:most]
    side = round(X.shape[1] ** 0.5)
    print(f"{name}: {len(X):,} pictures of {side} x {side} pixels to learn from, {len(X_test):,} to test on.")
    return (X, X_test, y, y_test, two) if stored else (X / 255, X_test / 255, y, y_test, two / 255)


def show(
    images: Sequence[ArrayLike], titles: Sequence[str] = (), *, between: Sequence[str] = (), n_columns: int = 10
) -> "Figure":
    """Draw images side by side: ink is dark; where some numbers are negative, blue is above zero, orange below.

    Parameters
    ----------
    images : sequence of array-like, shape (n_pixels,) or (rows, columns)
    titles : sequence of str, optional
        One above each.
    between : sequence of str, optional
        Signs between the images, one fewer than these.
    n_columns : int
        Most images in a row.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If there are no images, or not as many titles, or signs, as they need.
    MissingExtraError
        If matplotlib is not installed.
    """
    from mnistlr._support.extras import needed

    if not len(images) or len(titles) not in (0, len(images)) or len(between) not in (0, len(images) - 1):
        raise ArgumentError(
            f"expected images, a title for each and signs between them, or none, got {len(images)} images, "
            f"{len(titles)} titles and {len(between)} signs."
        )
    with needed("matplotlib", "plots", "drawing"):
        from matplotlib.figure import Figure
    n_columns = min(n_columns, len(images))
    n_rows = -(-len(images) // n_columns)
    inches = min(2.6, max(1.0, 9.0 / n_columns))
    figure = Figure(figsize=(inches * n_columns, (inches + 0.35) * n_rows), layout="constrained")
    all_axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax in all_axes:
        ax.set_axis_off()
    for k, (ax, image) in enumerate(zip(all_axes, images, strict=False)):
        pixels = np.asarray(image, dtype=np.float64)
        pixels = as_images(pixels[np.newaxis])[0] if pixels.ndim == 1 else pixels
        most = float(np.abs(pixels).max()) or 1.0
        colours = (
            {"cmap": against_for(), "vmin": -most, "vmax": most}
            if pixels.min() < 0
            else {"cmap": "gray_r", "vmin": 0, "vmax": most}
        )
        ax.imshow(pixels, interpolation="nearest", **colours)
        ax.set_axis_on()
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.7")
        if titles:
            ax.set_title(titles[k], fontsize=NORMAL)
        if between and k < len(between):
            ax.text(1.06, 0.5, between[k], fontsize=16, ha="center", va="center", transform=ax.transAxes, clip_on=False)
    return figure


def show_source(function: Callable[..., Any], *, code: bool = True) -> None:
    """Print the place of a function's source, and the source, compiled or not.

    Parameters
    ----------
    function : callable
        A function of Python, or one that numba compiles.
    code : bool
        Whether to print more than the place.
    """
    function = getattr(function, "py_func", function)
    lines, first = inspect.getsourcelines(function)
    path = Path(inspect.getsourcefile(function) or "")
    home = Path(mnistlr.__file__).parent.parent
    name = path.relative_to(home) if path.is_relative_to(home) else path
    print(f"{function.__qualname__}: {name.as_posix()}, line {first}")
    if code:
        print()
        print("".join(lines).rstrip())
