"""Passes over the samples: sums that lose nothing beside a large term, and the largest of each row."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from mnistlr.kernels.passes import PERIOD, loss_gradient
from mnistlr.kernels.records import Data, Weights, zero_weights
from mnistlr.samples import Samples, most_probable

N = 3 * PERIOD
LARGE, SMALL = 2.0**20, 2.0**-6  # whose sum in float32 is LARGE again


def words(d):
    """Return N texts of one word: the first is LARGE, the same word is SMALL in all others."""
    values = np.full(N, SMALL, np.float32)
    values[0] = LARGE
    return sp.csr_array((values, np.zeros(N, np.int32), np.arange(N + 1, dtype=np.int32)), shape=(N, d))


@pytest.mark.parametrize("n_raw", [1, 2])  # with weights of zero each probability is 1/2, to the bit
@pytest.mark.parametrize("d", [1, 1000], ids=["few features", "many features"])
def test_a_frequent_feature_loses_small_terms_beside_a_large_one_for_512_samples_only(d, n_raw):
    samples = Samples.of(words(d))
    data, weights = Data(samples.X, np.zeros(N, np.int32), np.ones(N)), zero_weights(n_raw, d, np.float32)
    total, partial = Weights(np.zeros((n_raw, d)), np.zeros(n_raw)), zero_weights(n_raw, d, np.float32)
    often = samples.features_moved_often()
    loss = loss_gradient(data, 0, N, weights, n_raw, samples.scratch(n_raw), often, partial, total)
    assert loss == pytest.approx(N * np.log(2), rel=1e-6)
    assert abs(total.W[0, 0]) == 0.5 * (LARGE + (N - PERIOD) * SMALL)
    assert abs(total.b[0]) == 0.5 * N
    assert not partial.W.any()
    assert not partial.b.any()


def test_of_many_features_those_with_more_than_512_entries_are_moved_often():
    entries = np.repeat([0, 1, 2], [PERIOD + 1, PERIOD, 2 * PERIOD])
    rows = np.concatenate([np.arange(count) for count in np.bincount(entries)])
    X = sp.coo_array((np.ones(len(rows)), (rows, entries)), shape=(N, 1000)).tocsr()
    assert_array_equal(Samples.of(X).features_moved_often(), [0, 2])
    assert_array_equal(Samples.of(X[:, :3]).features_moved_often(), [0, 1, 2])
    assert_array_equal(Samples.of(X[:, :3].toarray()).features_moved_often(), [0, 1, 2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_most_probable_class_is_the_first_of_the_largest(dtype):
    raw = np.random.default_rng(0).integers(-2, 3, (200, 10)).astype(dtype)
    raw[0], raw[1], raw[2, 9] = -np.inf, -0.0, np.inf
    raw[1, 3] = 0.0
    for n_raw in range(2, 11):
        assert_array_equal(most_probable(raw[:, :n_raw].copy()), raw[:, :n_raw].argmax(axis=1))
    assert_array_equal(most_probable(raw[:, :1].copy()), raw[:, 0] > 0)
