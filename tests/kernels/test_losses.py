"""Losses and their derivatives, on blocks of raw predictions, against NumPy in float64."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mnistlr.kernels import lanes, losses
from mnistlr.kernels.records import BLOCK, Data, room_for_raw
from tests.helpers import reference

MARGINS = [-1e3, -745.2, -100, -37.5, -1, -1e-9, 0, 1e-9, 0.3, 1, 37.5, 100, 745.2, 1e3]
FLUSHED = np.exp(lanes.FLUSH)  # probabilities below are taken as 0


def losses_of(raw, y, weight=1.0, share=1.0):
    """Return the losses' sum and derivatives of a block of rows with raw predictions (m, K)."""
    raw, (m, K) = np.asarray(raw), np.shape(raw)
    room, rows = room_for_raw(K, raw.dtype), np.zeros(BLOCK, np.int64)
    rows[:m] = np.arange(m)[::-1] + 2  # the rows' numbers, not their places, are those of labels and weights
    data = Data(np.zeros((m + 2, 1), raw.dtype), np.zeros(m + 2, np.int32), np.zeros(m + 2))
    data.y[rows[:m]], data.weight[rows[:m]] = y, weight
    if K == 1:
        room[:m] = raw[:, 0]
    else:
        room[:m, :K] = raw
    total = losses.block_losses(room, m, K, data, rows, share)
    if K > 1 and np.isfinite(raw).all():
        assert not room[:, K:].any()
    return total, room[:m, np.newaxis] if K == 1 else room[:m, :K]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("margin", MARGINS)
def test_logistic_loss(margin, y, dtype):
    raw = np.array([[margin]], dtype)
    exact = raw.astype(np.float64)
    with np.errstate(all="raise", under="ignore"):
        loss, derivative = losses_of(raw, y)
    rtol = 4 * np.finfo(dtype).eps
    assert_allclose(loss, reference.losses(exact, np.array([y]))[0], rtol=rtol, atol=FLUSHED)
    # p - 1 is 1 - p to the rounding of p.
    atol = np.finfo(dtype).eps if y else FLUSHED
    assert_allclose(derivative, reference.residuals(exact, np.array([y])), rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("K", [2, 3, 8, 9, 10, 16, 17, 33])
def test_softmax_loss(margin, K, dtype):
    raw = np.random.default_rng(K).normal(size=(1, K)).astype(dtype)
    raw[0, 1] += dtype(margin)
    exact = raw.astype(np.float64)
    eps = np.finfo(dtype).eps
    for y in (0, 1, K - 1):
        loss, derivative = losses_of(raw, y)
        assert_allclose(loss, reference.losses(exact, np.array([y]))[0], rtol=4 * eps, atol=8 * eps)
        assert_allclose(derivative, reference.residuals(exact, np.array([y])), rtol=8 * eps, atol=8 * eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [1, 5, BLOCK])
@pytest.mark.parametrize("K", [1, 2, 9, 17])
def test_losses_of_a_block_are_weighted_and_summed(K, m, dtype):
    random = np.random.default_rng(m)
    raw = (3 * random.normal(size=(m, K))).astype(dtype)
    y, weight = random.integers(0, max(K, 2), m), random.uniform(0, 2, m)
    exact, eps = raw.astype(np.float64), np.finfo(dtype).eps
    total, derivative = losses_of(raw, y, weight, 0.25)
    assert_allclose(total, 0.25 * weight @ reference.losses(exact, y), rtol=16 * eps)
    assert_allclose(derivative, 0.25 * weight[:, None] * reference.residuals(exact, y), rtol=16 * eps, atol=4 * eps)


@pytest.mark.parametrize("K", [1, 3])
def test_no_number_stays_no_number(K):
    raw = np.zeros((2, K))
    raw[0, 0] = np.nan
    with np.errstate(invalid="ignore"):
        total, derivative = losses_of(raw, [1, 1])
    assert np.isnan(total)
    assert np.isnan(derivative[0]).all()
    assert np.isfinite(derivative[1]).all()


def test_softmax_flushes_what_would_become_subnormal():
    _, derivative = losses_of(np.array([[0, -100, -69]], np.float32), 0)
    assert derivative[0, 1] == 0
    assert derivative[0, 2] > 0


@pytest.mark.parametrize("K", [1, 2, 10])
@pytest.mark.parametrize("y", [0, 1])
def test_derivative_of_the_loss_by_finite_differences(K, y):
    at = np.random.default_rng(K).normal(size=(1, K)) * 2
    _, derivative = losses_of(at, y)
    h = 1e-6
    for k in range(K):
        ahead, behind = at.copy(), at.copy()
        ahead[0, k] += h
        behind[0, k] -= h
        slope = (losses_of(ahead, y)[0] - losses_of(behind, y)[0]) / (2 * h)
        assert_allclose(derivative[0, k], slope, atol=1e-8)
