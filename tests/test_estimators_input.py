"""What users hand over without meaning it: other scales, other names, images, frames, labels of another kind."""

import ast
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr import LogisticRegression, SoftmaxRegression, explain, load_model, save_model
from mnistlr.parameters import ELSEWHERE
from tests.conftest import ImageData
from tests.helpers.clouds import MODELS

RAW = {"solver": "lbfgs", "alpha": 0.1}


def warned(call, *arguments):
    """Return the messages of the warnings, all in the name of this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments)
    assert {warning.filename for warning in caught} <= {__file__}
    return [str(warning.message) for warning in caught]


# --- the scale of the numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix], ids=["dense", "CSR"])
@pytest.mark.parametrize("way", ["pixels, then intensities", "intensities, then pixels"])
def test_data_on_another_scale_are_reported_once(digits: ImageData, make, way, tmp_path):
    pixels, y = make(digits.X_train), digits.y_train
    train, other = (pixels, pixels / 255) if way.startswith("pixels") else (pixels / 255, pixels)
    fit = SoftmaxRegression(**RAW).fit(train, y)
    assert warned(fit.predict, train) == warned(fit.predict_proba, train[:1]) == []
    save_model(fit, tmp_path / "model.npz")
    (message,) = warned(fit.predict, other[:1])
    assert "SoftmaxRegression was fitted on values from 0 to" in message
    assert ("Multiply them by 255" if way.startswith("pixels") else "Divide them by 255") in message
    assert warned(fit.predict, other) == []
    (message,) = warned(explain, load_model(tmp_path / "model.npz"), other[:1])
    assert "predictions will be wrong" in message


def test_data_of_the_same_kind_are_not_reported(digits: ImageData, clouds):
    counts = sp.csr_matrix(digits.X_train // 17).astype(np.float64)
    fit = SoftmaxRegression(**RAW).fit(counts, digits.y_train)
    for row in range(20):
        assert warned(fit.predict, counts[row] > 0) == []
    fit = SoftmaxRegression(**RAW).fit(*clouds)
    assert warned(fit.predict, 1000 * clouds[0]) == warned(fit.predict, 0 * clouds[0]) == []


def test_pixels_in_another_type_are_advised_to_become_uint8(digits: ImageData):
    X, y = digits.X_train[:300], digits.y_train[:300]
    assert X.max() == 255
    frame = pd.DataFrame(X).astype({3: np.int64})  # one column promoted
    for given in (X.astype(np.int64), sp.csr_matrix(X.astype(np.float32)), frame):
        (message,) = warned(SoftmaxRegression(max_iter=1000, **RAW).fit, given, y)
        assert "X.astype('uint8')" in message
    for given in (X, X / 255, X.astype(float) + 0.5, X * 2.0):
        assert warned(SoftmaxRegression(**RAW, max_iter=1000).fit, given, y) == []


@pytest.mark.parametrize("kind", ["UInt8", "uint8[pyarrow]", "arrow"])
def test_columns_of_uint8_stay_pixels_in_every_kind_of_frame(digits: ImageData, kind):
    pa = pytest.importorskip("pyarrow") if kind != "UInt8" else None
    plain = pd.DataFrame(digits.X_train, columns=[f"p{i}" for i in range(64)])
    frame = pa.Table.from_pandas(plain) if kind == "arrow" else plain.astype(kind)
    expected = SoftmaxRegression(random_state=0).fit(plain, digits.y_train)
    fit = SoftmaxRegression(random_state=0).fit(frame, digits.y_train)
    assert_array_equal(fit.coef_, expected.coef_)
    assert_array_equal(fit.predict_proba(frame), expected.predict_proba(plain))
    if kind != "arrow":
        frame.iloc[3, 4] = pd.NA
        with pytest.raises(ValueError, match="NaN"):
            fit.fit(frame, digits.y_train)


# --- images -----------------------------------------------------------------------------------------------------


def test_images_are_refused_with_the_call_that_flattens_them(digits: ImageData):
    X, y = digits.X_train, digits.y_train
    images = X.reshape(-1, 8, 8)
    fit = SoftmaxRegression(**RAW).fit(X, y)
    for call in (lambda: fit.fit(images, y), lambda: fit.predict(images), lambda: fit.predict(list(images[:9]))):
        with pytest.raises(ValueError, match=r"np.reshape\(X, \(len\(X\), -1\)\)"):
            call()
    for one in (images[0], images[0].tolist(), X[0]):
        with pytest.raises(ValueError, match=r"np.reshape\(X, \(1, -1\)\)"):
            fit.predict(one)
    assert_array_equal(fit.predict(np.reshape(images, (len(images), -1))), fit.predict(X))


# --- names of parameters, and what they may be ------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_parameters_of_other_libraries_are_refused_in_the_name_of_the_class(model):
    for name, advice in ELSEWHERE.items():
        with pytest.raises(TypeError) as error:
            model(**{name: 1})
        assert str(error.value) == f"{model.__name__} has no parameter {name!r}: {advice}."
        with pytest.raises(ValueError, match=f"{model.__name__} has no parameter '{name}'"):
            model().set_params(**{name: 1})
    with pytest.raises(TypeError, match=f"{model.__name__} takes its parameters by name"):
        model("l2")
    with pytest.raises(TypeError, match="'colour': it has solver, alpha"):
        model(colour="red")


@pytest.mark.parametrize("model", MODELS)
def test_the_documentation_names_every_default(model):
    documented = {}
    for names, defaults in re.findall(r"^    (\w+(?:, \w+)*) : .*default (.*)$", model.__doc__, re.MULTILINE):
        documented |= zip(names.split(", "), map(ast.literal_eval, defaults.split(" and ")), strict=True)
    assert documented == model().get_params()


def test_class_weights_name_labels_as_they_are(clouds):
    X, y = clouds
    by_number = SoftmaxRegression(class_weight={1: 3.0}, **RAW).fit(X, y).coef_
    for kind in (np.str_, object):
        labels = y.astype(str).astype(kind)
        assert_array_equal(SoftmaxRegression(class_weight={"1": 3.0}, **RAW).fit(X, labels).coef_, by_number)
        with pytest.raises(ValueError, match=r"names 1, but the classes are .*The labels are strings"):
            SoftmaxRegression(class_weight={1: 3.0}).fit(X, labels)
    assert_array_equal(
        SoftmaxRegression(class_weight={np.int8(1): 3, 7.0: 1, 0: 1, 2: 1}, **RAW).fit(X, y).coef_, by_number
    )
    with pytest.raises(ValueError, match=r"names '1', but the classes are .*no strings"):
        SoftmaxRegression(class_weight={"1": 3.0}).fit(X, y)
    with pytest.raises(ValueError, match=r"names 7, but the classes are \[0, 1, 2\]"):
        SoftmaxRegression(class_weight={7: 3.0}).fit(X, y)


def test_balanced_classes_without_weight_weigh_nothing(clouds):
    X, y = clouds
    weight = (y > 0) * 1.0
    balanced = SoftmaxRegression(class_weight="balanced", **RAW).fit(X, y, weight)
    assert_allclose(balanced.coef_, SoftmaxRegression(**RAW).fit(X, y, weight).coef_, rtol=1e-9)


def test_labels_and_weights_of_a_wrong_kind(clouds):
    X, y = clouds
    with pytest.raises(ValueError, match="complex"):
        SoftmaxRegression().fit(X, y, np.full(300, 1j))
    with pytest.raises(ValueError, match="NaN"):
        SoftmaxRegression().fit(X, np.where(y == 1, np.nan, y))
    with pytest.raises(ValueError, match=r"only one class: False\. Was y compared with a number, and holds strings"):
        LogisticRegression().fit(X, np.zeros(300, bool))
    fit = SoftmaxRegression(**RAW).fit(X, y)
    with pytest.raises(ValueError, match=r"y_true.astype\(int\)"):
        fit.score(X, y.astype(str))
    with pytest.raises(ValueError, match=r"such as 0, the other strings, such as 'a'.*names\[numbers\]"):
        fit.score(X[y == 0], pd.Series(np.array(list("abc"))[y[y == 0]]).astype("category"))


def test_warm_start_without_intercept_forgets_the_old_one(clouds):
    X, y = clouds
    for solver in ("lbfgs", "newton", "svrg", "sgd", "gd", "nesterov"):
        fit = SoftmaxRegression(solver=solver, alpha=0.1, warm_start=True, random_state=0).fit(X + 1, y)
        assert fit.intercept_.any()
        fit.set_params(fit_intercept=False).fit(X + 1, y)
        assert not fit.intercept_.any()
