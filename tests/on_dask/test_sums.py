"""Sums over blocks do not depend on who adds them, and make the objective of all samples."""

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks.measuring.blocks import LocalRunner
from mnistlr import SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.on_dask.fitting import objective_in_blocks
from mnistlr.on_dask.tree import add_node, merge, total
from mnistlr.samples import Samples
from tests.helpers.blocks import MARKS, cut

pytestmark = MARKS


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 64, 100])
def test_sums_do_not_depend_on_who_adds_what(n):
    random = np.random.default_rng(n)
    vectors = random.standard_normal((n, 3)) * 10.0 ** random.integers(-8, 8, (n, 1))
    expected = None
    for workers in (1, 2, 3, 7):
        owner = random.integers(workers, size=n)
        parts = []
        for worker in range(workers):
            parts.append({})
            for block in random.permutation(np.flatnonzero(owner == worker)):
                add_node(parts[-1], 0, int(block), vectors[block], n)
        random.shuffle(parts)
        sums = total(merge(parts, n))
        expected = sums if expected is None else expected
        np.testing.assert_array_equal(sums, expected)
    np.testing.assert_allclose(expected, vectors.sum(axis=0), rtol=1e-12, atol=1e-12 * abs(vectors).max())


def test_neighbouring_blocks_make_few_nodes():
    nodes = {}
    for block in range(37, 900):
        add_node(nodes, 0, block, np.ones(1), 1024)
    assert len(nodes) <= 2 * 10
    assert sum(int(vector[0]) for vector in nodes.values()) == 900 - 37


@pytest.mark.parametrize("is_sparse", [False, True])
def test_the_objective_is_that_of_all_samples(small_mnist, is_sparse):
    X, y = small_mnist.X_train, small_mnist.y_train.astype(np.int32)
    X = sp.csr_matrix(X / 255.0) if is_sparse else X
    random = np.random.default_rng(0)
    weight = random.random(len(y)) * (random.random(len(y)) < 0.9)
    model = SoftmaxRegression(alpha=0.1)
    blocked, _ = objective_in_blocks(model, X, LocalRunner.of(model, cut(X), cut(y), cut(weight), 1))
    whole = Objective(Samples.of(X), y, 10, alpha=0.1, sample_weight=weight)
    theta, vector = random.standard_normal((2, whole.n_parameters)) / 10
    rtol = 1e-10 if is_sparse else 1e-5
    assert blocked.value(theta) == pytest.approx(whole.value(theta), rel=rtol)
    for one, other in (
        (blocked.value_and_gradient(theta)[1], whole.value_and_gradient(theta)[1]),
        (blocked.hessian_vector(theta, vector), whole.hessian_vector(theta, vector)),
    ):
        np.testing.assert_allclose(one, other, atol=rtol * abs(other).max())
    for stride in (1, 3, 700, 1234):  # the very same samples
        (samples, weights), (expected, expected_weights) = blocked.every(stride), whole.every(stride)
        parts = zip(samples.X, expected.X, strict=True) if is_sparse else [(samples.X, expected.X)]
        for part, expected_part in [*parts, (weights, expected_weights)]:
            np.testing.assert_array_equal(part, expected_part)
    assert blocked.n_counted == whole.n_counted
    assert blocked.unevenness == pytest.approx(whole.unevenness, rel=1e-12)
    np.testing.assert_array_equal(blocked.samples.peaks(), whole.samples.peaks())
    np.testing.assert_array_equal(blocked.y, y)
