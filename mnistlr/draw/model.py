"""Choose a model for the drawing page when the user names none: the newest in the folder, else train one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.files import open_plain
from mnistlr.datasets.named import NamedData, load_named
from mnistlr.estimators import SoftmaxRegression
from mnistlr.exceptions import DataUnavailableError, ModelFileError
from mnistlr.images import normalise
from mnistlr.images.normalise import SIDE
from mnistlr.saving.model_file import ModelFile, read_model_file
from mnistlr.saving.npz import Npz


def last_trained_model(folder: Path) -> tuple[Path, ModelFile] | None:
    """Return the newest model of 28x28 pixels in a folder, its file first; None if there is none.

    Parameters
    ----------
    folder : Path
        Looked through for ``*.npz``; files that are no models, or models of other images, are passed over.
    """
    for path in sorted(folder.glob("*.npz"), key=_modified, reverse=True):
        if not _looks_like_a_model(path):
            continue
        try:
            saved = read_model_file(path)
        except (ModelFileError, OSError):
            continue
        if saved.model.n_features_in_ == SIDE * SIDE:
            return path, saved
    return None


def train_model_to_draw(load: Callable[[str], NamedData] = load_named) -> ModelFile:
    """Train all ten digits on the best data that can be had: MNIST, else 5,000 images of it, else the bundled digits.

    The bundled digits of 8x8 pixels are first brought to 28x28 as a drawing is, by `mnistlr.images.normalise`. A model
    of them gets little more than half of MNIST right: they were made another way.

    Parameters
    ----------
    load : callable
        Returns a data set by its name.

    Raises
    ------
    DataFormatError
        If a folder is named that does not hold MNIST.
    """
    data = _first_available([partial(load, "mnist"), partial(load, "mnist_5k"), lambda: _enlarge(load("digits"))])
    # The stronger penalty suits digits of another making than the drawings to come: 55 % of MNIST instead of 47 %.
    alpha = 0.1 if data.name == "digits" else 1e-4
    model = SoftmaxRegression(alpha=alpha, random_state=42).fit(data.X_train, data.y_train)
    accuracy = float(model.score(data.X_test, data.y_test))
    return ModelFile(model, {"data": {"name": data.name, "sha256": data.checksums}, "accuracy": accuracy})


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone in the meantime, or a link to nowhere
        return -1.0


def _looks_like_a_model(path: Path) -> bool:
    """Return whether a file has the header of a model; unlike loading it, this is quick for any size."""
    try:
        with open_plain(path, ModelFileError) as file:
            return "header" in Npz(file).names
    except Exception:  # whatever damaged bytes provoke in zipfile: it is no model
        return False


def _first_available(loaders: list[Callable[[], NamedData]]) -> NamedData:
    for load in loaders[:-1]:
        try:
            return load()
        except DataUnavailableError:
            continue
    return loaders[-1]()


def _enlarge(data: NamedData) -> NamedData:
    """Bring 8x8 pixels to the 28x28 of a drawing."""

    def enlarge(X: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.array([normalise(image.reshape(data.image_shape) / 255).ravel() for image in X])

    return replace(data, X_train=enlarge(data.X_train), X_test=enlarge(data.X_test), image_shape=(SIDE, SIDE))
