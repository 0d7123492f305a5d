"""The exported graph, run by another runtime, says what the model says."""

import sys
from importlib.resources import as_file

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from mnistlr import (
    ArgumentError,
    DigitReader,
    LogisticRegression,
    MissingExtraError,
    SoftmaxRegression,
    load_model,
    to_onnx,
)
from mnistlr.trained import FILE

onnxruntime = pytest.importorskip("onnxruntime")


def run(proto, X):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], {"X": X})


def float_bound(model, X):
    """What d products and sums in float32 round off, as independent errors; probabilities change by less than raw."""
    terms = np.abs(X.astype(np.float64)) @ np.abs(model.coef_.T) + np.abs(model.intercept_)
    return terms.max() * np.sqrt(X.shape[1]) * np.finfo(np.float32).eps


@pytest.mark.parametrize("labels", ["ten", "two"])
def test_raw_pixels_of_mnist(mnist, labels):
    y = mnist.y_train if labels == "ten" else mnist.y_train == 2
    model = SoftmaxRegression(random_state=0) if labels == "ten" else LogisticRegression()
    model.fit(mnist.X_train, y)
    label, probabilities = run(to_onnx(model), mnist.X_test)
    assert_array_equal(label, model.predict(mnist.X_test))
    assert label.dtype == (np.int64 if labels == "ten" else bool)
    assert_allclose(probabilities, model.predict_proba(mnist.X_test), rtol=0, atol=float_bound(model, mnist.X_test))


def test_a_reader_from_raw_pixels(mnist):
    with as_file(FILE) as path:
        reader = load_model(path)
    X = mnist.X_test[:2000]
    label, probabilities = run(to_onnx(reader), X)
    assert_array_equal(label, reader.predict(X))
    assert_allclose(probabilities, reader.predict_proba(X), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 9), (12, 1), (1, 12)], ids=str)
def test_features_of_a_reader(dtype, shape):
    """They are the same for images of any shape, slanting far and empty ones too, but for a rounding at a half."""
    import onnx

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, *shape)).astype(np.uint8)
    images[rng.random(images.shape) < 0.7] = 0
    images[0] = 0
    X = images.reshape(200, -1)
    X = X if dtype == np.uint8 else (X / 200).astype(dtype)
    reader = DigitReader(directions=7, grids=(3, 2), shape=shape, tol=0.5).fit(X, np.arange(200) % 2 == 0)
    X = X if dtype == np.uint8 else X * dtype(1.1) - dtype(0.01)  # beyond full ink, and below paper
    proto = to_onnx(reader, dtype=dtype)
    (to_x,) = (node for node in proto.graph.node if list(node.output) == ["x"])
    proto.graph.output.append(onnx.helper.make_tensor_value_info(to_x.input[0], onnx.TensorProto.DOUBLE, None))
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    _, probabilities, features = session.run(None, {"X": X})
    difference = features - reader.features(X)
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) <= 1e-3 * difference.size
    assert_allclose(probabilities, reader.predict_proba(X), rtol=0, atol=1e-2)


@pytest.mark.parametrize("model", [LogisticRegression(), SoftmaxRegression(random_state=0)], ids=repr)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(
    "names",
    [["a", "bé", "c"], [3, 5, 7], np.array([5, 2**63, 2**63 + 1], np.uint64), [0.0, 1.0, 2.0], [False, True]],
    ids=["str", "int", "beyond int64", "float", "bool"],
)
@pytest.mark.filterwarnings("ignore:X holds whole numbers")
def test_types(digits, model, dtype, names):
    X = digits.X_train.astype(dtype)
    names = np.array(names[:2] if isinstance(model, LogisticRegression) else names)
    y = names[digits.y_train % len(names)]
    model.fit(X, y)
    label, probabilities = run(to_onnx(model, dtype=dtype), X)
    assert_array_equal(label, model.predict(X))
    assert label.dtype == (object if names.dtype.kind == "U" else names.dtype)
    bound = 1e-12 if dtype == np.float64 else float_bound(model, X)
    assert_allclose(probabilities, model.predict_proba(X), rtol=0, atol=bound)
    assert probabilities.dtype == (np.float64 if dtype == np.float64 else np.float32)


def test_refused(digits, monkeypatch):
    with pytest.raises(NotFittedError):
        to_onnx(SoftmaxRegression())
    model = LogisticRegression().fit(digits.X_train, digits.y_train == 2)
    with pytest.raises(ArgumentError, match="uint8, float32 or float64, got int32"):
        to_onnx(model, dtype=np.int32)
    model.classes_ = np.array([None, (1, 2)], object)
    with pytest.raises(ArgumentError, match="expected labels that are integers"):
        to_onnx(model)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"mnistlr\[onnx\]"):
        to_onnx(model)
