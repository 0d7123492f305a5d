"""Data in pieces: the first ones may be odd, weights count between them, and coefficients may be edited."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mnistlr import SoftmaxRegression
from tests.helpers.clouds import state

CLASSES = [0, 1, 2]


@pytest.fixture(scope="module")
def stream():
    """6,500 samples of three clouds that hardly overlap."""
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 6500)
    return random.normal(size=(6500, 20)) + 1.2 * random.normal(size=(3, 20))[y], y


def accuracy(fit, stream):
    return fit.score(stream[0][6000:], stream[1][6000:])


FIRST = {
    "nothing odd": lambda X, y: (X[:100], y[:100]),
    "two of one class": lambda X, y: (X[y == 0][:2], y[y == 0][:2]),
    "zeros": lambda X, y: (0 * X[:100], y[:100]),
    "shifted": lambda X, y: (X[:100] + 100, y[:100]),
    "shifted, and larger than all others": lambda X, y: (X[:600] + 100, y[:600]),
    "other units": lambda X, y: (X[:100] / 1000, y[:100]),
}


@pytest.mark.parametrize("first", FIRST)
def test_an_odd_first_piece_does_not_settle_the_steps(stream, first):
    X, y = stream
    fit = SoftmaxRegression(random_state=0).partial_fit(*FIRST[first](X, y), classes=CLASSES)
    assert np.abs(fit.intercept_).max() < (3 if "two" in first else np.inf)
    for start in range(0, 6000, 100):
        fit.partial_fit(X[start : start + 100], y[start : start + 100])
    assert accuracy(fit, stream) > 0.98


def test_pieces_of_one_sample(stream):
    X, y = stream
    fit = SoftmaxRegression(random_state=0)
    for i in range(300):
        fit.partial_fit(X[i : i + 1], y[i : i + 1], classes=CLASSES)
    assert accuracy(fit, stream) > 0.95


def test_weights_count_between_pieces(stream):
    X, y = stream
    true = SoftmaxRegression(random_state=0).partial_fit(X[:2000], y[:2000], classes=CLASSES)
    contradicted = {}
    for weight in (1e-6, 1.0, 1e6):
        fit = copy.deepcopy(true).partial_fit(X[2000:4000], (y[2000:4000] + 1) % 3, sample_weight=np.full(2000, weight))
        contradicted[weight] = accuracy(fit, stream)
        fit.partial_fit(X[4000:6000], y[4000:6000])
        assert (accuracy(fit, stream) < 0.1) == (weight == 1e6)  # only what weighs less than the contradiction is lost
    assert contradicted[1e-6] > 0.98
    assert contradicted[1.0] < 0.1
    assert contradicted[1e6] < 0.1


def test_class_weights_count_in_pieces_of_one_class(stream):
    X, y = stream
    counts = {}
    for weight in (1.0, 100.0):
        fit = SoftmaxRegression(random_state=0, class_weight={0: weight})
        for i in range(30):
            rows = np.flatnonzero(y == i % 3)[30 * i : 30 * i + 30]
            fit.partial_fit(X[rows], y[rows], classes=CLASSES)
        counts[weight] = np.count_nonzero(fit.predict(X) == 0)
    assert counts[100.0] > 1.5 * counts[1.0]


def test_weights_at_the_ends_of_the_range(stream):
    X, y = stream
    fit = SoftmaxRegression(random_state=0)
    for weight in (1e300, 1.0, 1e-300):
        fit.partial_fit(X[:1000], y[:1000], classes=CLASSES, sample_weight=np.full(1000, weight))
    assert accuracy(fit, stream) > 0.98


def test_edited_coefficients_are_where_the_next_piece_starts(stream):
    X, y = stream
    fit = SoftmaxRegression(random_state=0).partial_fit(X[:2000], y[:2000], classes=CLASSES)
    fit.coef_, fit.intercept_ = 0 * fit.coef_, np.array([5.0, 5.0, 5.0])
    fit.partial_fit(X[:1], y[:1])
    assert np.abs(fit.coef_).max() < 0.1
    assert np.abs(fit.intercept_ - 5).max() < 0.5


def test_a_refused_piece_changes_nothing(stream):
    X, y = stream
    fit = SoftmaxRegression(random_state=0).partial_fit(X[:50], y[:50], classes=CLASSES)
    undisturbed, before = copy.deepcopy(fit), state(fit)
    with pytest.raises(ValueError, match="early_stopping"):
        fit.set_params(early_stopping=True).partial_fit(X[:50], y[:50])
    fit.set_params(early_stopping=False)
    with pytest.raises(ValueError, match="Scale them"):
        fit.partial_fit(X[50:150] * 1e200, y[50:150])
    assert state(fit) == before
    assert_array_equal(fit.partial_fit(X[50:], y[50:]).coef_, undisturbed.partial_fit(X[50:], y[50:]).coef_)
