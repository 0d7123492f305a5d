"""A DigitReader in a model file: all of it comes back, and nothing else is taken for one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from mnistlr import DigitReader, ModelFileError, load_digits, load_model, save_model
from mnistlr.features.reader import FEATURES_VERSION
from tests.saving.test_model_file import rewrite, same_bits, with_array, with_header

STEPS = ("deskew_", "edges_", "classifier_")


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits()
    return X[:400], y[:400]


@pytest.fixture(scope="module")
def reader(digits: Any) -> Any:
    return DigitReader(grids=(4, 2), directions=8, random_state=np.int64(3)).fit(*digits)


@pytest.mark.parametrize("kind", ["pixels", "floats of two classes", "a frame of words"])
def test_comes_back_bit_for_bit(kind: str, digits: Any, tmp_path: Path) -> None:
    X, y = digits
    shape: Any = None
    if kind == "floats of two classes":  # 4 rows of 16 columns, and a full ink of its own
        X, y, shape = X / 300, y == 3, (4, -1)
    elif kind == "a frame of words":
        pandas = pytest.importorskip("pandas")
        X, y = pandas.DataFrame(X).add_prefix("p"), np.where(y % 2, "odd", "even").astype(object)
    model = DigitReader(directions=5, grids=[3, 2], alpha=1e-4, shape=shape, random_state=1, n_jobs=1).fit(X, y)
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert type(loaded) is DigitReader
    assert loaded.get_params() == model.get_params() | {"grids": (3, 2)}
    assert set(vars(loaded)) == set(vars(model))
    for step in STEPS:
        old, new = vars(getattr(model, step)), vars(getattr(loaded, step))
        assert new.keys() == old.keys(), step
        for name, value in old.items():
            is_same = same_bits(value, new[name]) if isinstance(value, np.ndarray) else str(new[name]) == str(value)
            assert is_same or name in ("grids", "history_"), (step, name)
    for method in ("features", "decision_function", "predict", "predict_proba"):
        assert same_bits(getattr(loaded, method)(X), getattr(model, method)(X)), method
    assert same_bits(loaded.classes_, model.classes_)
    assert same_bits(clone(loaded).fit(X, y).predict_proba(X), model.predict_proba(X))
    loaded.classifier_.coef_ += 1  # not read-only


def with_features(**changes: Any) -> Any:
    return lambda arrays, header: header["features"].update(changes)


def with_parameters(**changes: Any) -> Any:
    return lambda arrays, header: header["parameters"].update(changes)


def wide(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    """Claim images that no memory holds."""
    header["n_features_in_"] = 10**15
    header["parameters"]["shape"] = [1, 10**15]


REFUSALS = {
    "newer": (with_features(version=FEATURES_VERSION + 1), "trained by a newer version of mnistlr, whose features"),
    "older": (with_features(version=FEATURES_VERSION - 1), "trained by an older version of mnistlr, whose features"),
    "no features": (with_header(features=None), "no 'features' of type dict"),
    "ink": (with_features(full_ink=0.0), "expected a full ink above 0, found 0.0"),
    "grids": (with_parameters(grids=[4.5]), "the sides of one or more grids"),
    "many grids": (with_parameters(grids=[10**9]), "expected row_windows as floats of shape"),
    "fewer grids": (with_parameters(grids=[4]), "expected row_windows as floats of shape"),
    "other grids": (with_parameters(grids=[2, 4]), "its directions or windows are not those"),
    "directions": (with_parameters(directions=9), "expected compass as floats of shape"),
    "shape": (with_parameters(shape=[4, 16]), "are no images of 8x8 pixels"),
    "wide images": (wide, "are no images of 8x8 pixels"),
    "pixels": (with_header(n_features_in_=63), "63 pixels in the shape None are no images of 8x8 pixels"),
    "a linear model": (with_header(**{"class": "SoftmaxRegression"}), "no parameter 'directions'"),
    "windows of other numbers": (with_array("row_windows", np.ones((6, 8), np.float32)), "windows are not those"),
    "windows of float64": (with_array("row_windows", np.ones((6, 8))), "expected row_windows as float32"),
    "no windows": (with_array("column_windows", np.float32(1)), "expected column_windows as floats"),
    "not finite": (with_array("compass", np.full((2, 10), np.nan, np.float32)), "compass is not finite"),
    "coefficients of pixels": (with_array("coef", np.zeros((10, 64))), r"expected coef as floats of shape \(10, 160\)"),
    "an array too many": (with_array("extra", [1]), "no array named 'extra'"),
}


@pytest.mark.parametrize(("change", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_wrong_contents_are_refused(change: Any, message: str, reader: Any, tmp_path: Path) -> None:
    path = rewrite(save_model(reader, tmp_path / "model.npz"), change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert str(caught.value).startswith(str(path))


def test_a_linear_model_has_no_arrays_of_a_reader(reader: Any, tmp_path: Path) -> None:
    path = rewrite(
        save_model(reader.classifier_, tmp_path / "model.npz"), with_array("compass", reader.edges_.compass_)
    )
    with pytest.raises(ModelFileError, match="no array named 'compass'"):
        load_model(path)
