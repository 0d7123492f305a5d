"""Three clouds of points, and what an estimator must not change when it refuses them."""

import pickle

import numpy as np
import pytest

from mnistlr import LogisticRegression, SoftmaxRegression

MODELS = [LogisticRegression, SoftmaxRegression]


@pytest.fixture(scope="session")
def clouds():
    """Three overlapping clouds: features of both signs, nothing separable."""
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    return random.normal(size=(300, 6)) + np.eye(6)[y], y


def labels_for(model, y):
    return y == 1 if model is LogisticRegression else y


def state(estimator):
    return pickle.dumps(vars(estimator))


def refuse(error, match, estimator, *arguments):
    """Both a new and a fitted estimator refuse, and stay as they were."""
    before = state(estimator)
    with pytest.raises(error, match=match):
        estimator.fit(*arguments)
    assert state(estimator) == before
