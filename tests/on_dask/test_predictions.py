"""Predictions are lazy; score and confusion matrix are those of all blocks, with the same errors and warnings."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

import mnistlr
from mnistlr.exceptions import ArgumentError
from mnistlr.on_dask import LogisticRegression, SoftmaxRegression, confusion_matrix
from tests.helpers.blocks import EDGES, MARKS, on_dask

pytestmark = MARKS


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
@pytest.mark.parametrize("binary", [True, False])
def test_predictions_are_lazy_and_those_of_the_blocks(small_mnist, method, binary):
    X, y = small_mnist.X_train, small_mnist.y_train
    model = LogisticRegression(max_iter=3).fit(X, y == 2) if binary else SoftmaxRegression(max_iter=1).fit(X, y)
    calls = []

    def read(block):
        calls.append(len(block))
        return block

    lazy = on_dask(X).rechunk({1: 392}).map_blocks(read, dtype=X.dtype, meta=X[:0])
    lazy = getattr(model, method)(lazy)
    assert not calls
    expected = getattr(model, method)(X)
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected, strict=True)
    assert sum(calls) == 2 * len(X)  # in halves of the features


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_predictions_and_score_of_sparse_blocks(digits, method):
    X, y = sp.csr_matrix(digits.X_train[:300] / 16.0), digits.y_train[:300]
    edges = [0, 100, 100, 300]
    model = SoftmaxRegression(max_iter=2, random_state=0).fit(X, y)
    found = getattr(model, method)(on_dask(X, edges)).compute(scheduler="sync")
    np.testing.assert_array_equal(found, getattr(model, method)(X), strict=True)
    assert model.score(on_dask(X, edges), on_dask(y, edges)) == model.score(X, y)


def test_score(client, small_mnist):
    X, y = small_mnist.X_train, small_mnist.y_train
    model = SoftmaxRegression(max_iter=1, random_state=0).fit(X, y)
    assert model.score(on_dask(X), on_dask(y)) == pytest.approx(model.score(X, y), rel=1e-12)
    weight = np.random.default_rng(0).random(len(y))
    weighted = model.score(on_dask(X), on_dask(y), on_dask(weight))
    assert weighted == pytest.approx(model.score(X, y, weight), rel=1e-12)


def test_score_refuses_what_it_refuses_on_one_machine(client, digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    model = SoftmaxRegression(max_iter=1, random_state=0).fit(X, y)
    edges = [0, 100, 100, 300]
    some = np.r_[np.zeros(100), np.ones(200)]
    assert model.score(on_dask(X, edges), y, on_dask(some, edges)) == model.score(X, y, some)
    signed = np.r_[-np.ones(30), np.ones(270)]
    assert model.score(on_dask(X, edges), y, signed) == pytest.approx(model.score(X, y, signed), rel=1e-12)
    cases = [
        (X, y, np.zeros(300), "sums to zero"),
        (X, y, np.where(np.arange(300) == 150, np.nan, 1.0), "Block 2: .*finite"),
        (X, y.astype(str), None, "Block [02]: .*strings"),
        (X, y + 0.5, None, "Block [02]: .*continuous"),
        (X, np.c_[y, y], None, "Block [02]: "),
        (X[:0], y[:0], None, "no samples"),
    ]
    for *data, message in cases:
        with pytest.raises(ValueError):  # noqa: PT011
            model.score(*data)
        lazy = [None if part is None else on_dask(part, edges if len(part) else [0, 0]) for part in data]
        with pytest.raises(ArgumentError, match=message):
            model.score(*lazy)
    with pytest.raises(NotFittedError):
        SoftmaxRegression().score(on_dask(X, edges), y)


@pytest.mark.parametrize("labels", [None, [3, 1, 4]])
@pytest.mark.parametrize("weight", [None, int, float])
@pytest.mark.parametrize("normalize", [None, "true"])
@pytest.mark.filterwarnings("ignore:.*are not counted")
def test_confusion_matrix(labels, weight, normalize, monkeypatch):
    random = np.random.default_rng(0)
    true, pred = random.integers(0, 10, (2, EDGES[-1]))
    weights = None if weight is None else (random.random(len(true)) * 9).astype(weight)
    sizes = []
    compute = dask.compute

    def computed(*things):
        results = compute(*things)
        sizes.extend(max(part.size for part in block) for block in results if block)
        return results

    monkeypatch.setattr("mnistlr.on_dask.predicting.dask.compute", computed)
    lazy_weights = None if weights is None else on_dask(weights)
    more = {"labels": labels, "normalize": normalize}
    found = confusion_matrix(on_dask(true), on_dask(pred), sample_weight=lazy_weights, **more)
    expected = mnistlr.confusion_matrix(true, pred, sample_weight=weights, **more)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0 if weight is not float and normalize is None else 1e-12)
    assert max(sizes) <= 100  # pairs of labels came here, and no samples
    np.testing.assert_array_equal(confusion_matrix(true, on_dask(pred), sample_weight=weights, **more), found)
    np.testing.assert_array_equal(confusion_matrix(true, pred, sample_weight=weights, **more), expected)
    if weights is not None:
        np.testing.assert_array_equal(confusion_matrix(true, pred, sample_weight=lazy_weights, **more), found)


def test_confusion_matrix_of_strings_and_what_it_warns_of():
    true, pred = np.array(["b", "a", "c", "a"]), np.array(["a", "a", "c", "b"])
    edges = [0, 3, 3, 4]
    found = confusion_matrix(on_dask(true, edges), on_dask(pred, edges))
    np.testing.assert_array_equal(found, mnistlr.confusion_matrix(true, pred))
    cases = [
        ((true, pred), {"labels": ["a", "c"]}, "2 of 4 samples"),
        ((pred[:2], pred[:2]), {}, "has one cell"),
    ]
    for columns, more, message in cases:
        for pair in (columns, [on_dask(column, [0, 2, 2, len(column)]) for column in columns]):
            with pytest.warns(UserWarning, match=message) as warned:
                confusion_matrix(*pair, **more)
            assert [warning.filename for warning in warned] == [__file__]
    with pytest.raises(ValueError, match="`normalize` must be"):
        confusion_matrix(on_dask(true, edges), on_dask(pred, edges), normalize="rows")
    with pytest.raises(ArgumentError, match="Block 2: `y_true` is continuous"):
        confusion_matrix(on_dask(np.array([1.0, 2.0, 3.0, 0.5]), edges), on_dask(np.ones(4), edges))
    with pytest.raises(ArgumentError, match="empty"):
        confusion_matrix(on_dask(true[:0], [0, 0]), on_dask(pred[:0], [0, 0]))
