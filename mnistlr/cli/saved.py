"""A model file that a command is given: its data, its labels in words, what it was trained on."""

from importlib.resources import as_file
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistlr.cli.data import load
from mnistlr.cli.errors import tell
from mnistlr.datasets.named import NAMES, NamedData

if TYPE_CHECKING:
    from mnistlr.saving.model_file import ModelFile


def load_model_file(path: Path | None) -> "ModelFile":
    """Load a model file, or the reader that comes with the package."""
    from mnistlr.saving.model_file import read_model_file
    from mnistlr.trained import FILE

    if path is not None:
        return read_model_file(path)
    with as_file(FILE) as found:
        return read_model_file(found)


def name_of(path: Path | None) -> str:
    """Return what to call a model in messages."""
    return "the reader that comes with mnistlr" if path is None else str(path)


def load_model_and_data(path: Path | None, name: str | None, folder: Path | None) -> "tuple[ModelFile, NamedData]":
    """Load a model and a data set of images of its size, by default the one that it was trained on."""
    saved = load_model_file(path)
    if name is None:
        name = origin_of(saved).get("name")
        if isinstance(name, str) and name not in NAMES:
            raise ValueError(f"the model {path} was trained on {name}; give the folder with its files: --data FOLDER")
        if name is None:
            name = "mnist"
            tell(f"{path} does not say what it was trained on; taking mnist")
    data = load(name, folder)
    n_features, n_pixels = saved.model.n_features_in_, data.X_test.shape[1]
    if n_features != n_pixels:
        raise ValueError(
            f"the model {name_of(path)} takes {n_features} features, but images of {name} have {n_pixels} pixels; "
            "choose the data set that it was trained on with --dataset."
        )
    return saved, data


def labels_for(saved: "ModelFile", digits: NDArray[np.int64]) -> NDArray[Any]:
    """Return the labels that the model should have given to images of these digits."""
    classes, digit = saved.model.classes_, saved.provenance.get("digit")
    if classes.dtype.kind in "iu":
        return digits
    if classes.dtype == bool and isinstance(digit, int):
        is_digit: NDArray[np.bool_] = digits == digit
        return is_digit
    raise ValueError(
        f"the labels of this model, {', '.join(map(str, classes.tolist()))}, are not digits, and its file does not say "
        "which digit it detects."
    )


def label_names(classes: NDArray[Any], digit: Any) -> dict[Any, str]:
    """Return what to call each label: those of a detector are "2" and "not 2"."""
    if classes.dtype == bool and isinstance(digit, int):
        return {False: f"not {digit}", True: str(digit)}
    return {label: str(label) for label in classes.tolist()}


def names_of(saved: "ModelFile") -> dict[Any, str]:
    """Return what to call each label of a model."""
    return label_names(saved.model.classes_, saved.provenance.get("digit"))


def origin_of(saved: "ModelFile") -> dict[str, Any]:
    """Return what a model file says of the data that the model was trained on."""
    origin = saved.provenance.get("data")
    return origin if isinstance(origin, dict) else {}


def is_training_image(saved: "ModelFile", data: NamedData, index: int) -> bool:
    """Return whether it is known that an image was among those that a model was trained on."""
    origin = origin_of(saved)
    if origin.get("name") == "mnist" and data.name == "mnist_5k":  # which is part of MNIST's training set
        return True
    is_same = origin.get("name") == data.name and origin.get("sha256", data.checksums) == data.checksums
    return is_same and data.is_for_training(index)
