"""The curves of binary scores, held against scikit-learn's."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from mnistlr.exceptions import ArgumentError
from mnistlr.metrics.curves import auc, average_precision, precision_recall_curve, reliability, roc_curve

EPS = np.finfo(float).eps


@st.composite
def binary_scores(draw):
    """Labels of both kinds, and scores many of which are equal."""
    n = draw(st.integers(2, 60))
    true = draw(st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda y: any(y) and not all(y)))
    kinds = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 5e-324]))
    return np.array(true), np.array(draw(st.lists(kinds, min_size=n, max_size=n)))


@settings(max_examples=60, deadline=None)
@given(binary_scores())
def test_curves_are_those_of_sklearn(data):
    true, score = data
    ours = (*precision_recall_curve(true, score), *roc_curve(true, score))
    theirs = metrics.precision_recall_curve(true, score), metrics.roc_curve(true, score, drop_intermediate=False)
    for one, other in zip(ours, itertools.chain(*theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=4 * EPS)
    assert average_precision(true, score) == pytest.approx(metrics.average_precision_score(true, score), rel=1e-12)
    area = auc(*roc_curve(true, score)[:2])
    assert area == pytest.approx(metrics.roc_auc_score(true, score), rel=1e-12, abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(binary_scores(), st.integers(1, 12))
def test_reliability_is_that_of_sklearn(data, n_bins):
    true, score = data
    edges = np.linspace(0, 1, n_bins + 1)
    on_edges = edges[np.abs(score).astype(int) % (n_bins + 1)]
    probability = np.where(score == np.round(score), on_edges, np.abs(score) % 1)
    found = reliability(true, probability, n_bins)
    share, mean = calibration_curve(true, probability, n_bins=n_bins)
    np.testing.assert_allclose(found.share, share, rtol=4 * EPS)
    np.testing.assert_allclose(found.probability, mean, rtol=100 * EPS)
    assert found.n_samples.sum() == len(true)
    assert found.calibration_error == pytest.approx(np.abs(share - mean) @ found.n_samples / len(true))


def test_area_does_not_depend_on_the_direction():
    assert auc([0, 1, 3], [0, 2, 2]) == auc([3, 1, 0], [2, 2, 0]) == 5 == metrics.auc([0, 1, 3], [0, 2, 2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: roc_curve([0, 1], [0.5]), r"a label and a score .* shapes \(2,\) and \(1,\)"),
        (lambda: roc_curve([], []), "a label and a score for each of some samples"),
        (lambda: roc_curve([[0, 1]], [[1, 2]]), "a label and a score"),
        (lambda: roc_curve([1, 1], [1, 2]), "positive and negative samples"),
        (lambda: roc_curve([0, 0], [1, 2]), "positive and negative samples"),
        (lambda: precision_recall_curve([0, 0], [1, 2]), "at least one positive sample"),
        (lambda: precision_recall_curve([3, 2], [1, 2]), r"booleans, or 0 and 1, got \[2, 3\]; .* y == 2"),
        (lambda: precision_recall_curve([0, 1], [1, np.nan]), "finite scores"),
        (lambda: reliability([0, 1], [0.5, 1.5]), "probabilities between 0 and 1"),
        (lambda: reliability([0, 1], [0.5, 1], 0), "at least one bin"),
        (lambda: auc([1], [1]), "at least 2"),
        (lambda: auc([0, 2, 1], [0, 0, 0]), "x to rise or to fall all along"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
