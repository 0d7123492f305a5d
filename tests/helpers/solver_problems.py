"""Small problems with their optima, and all solvers with one signature."""

import numpy as np
import pytest

from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import gradient_descent, lbfgs, newton, sgd, svrg
from tests.conftest import ImageData
from tests.helpers import reference

ALPHA = 0.05


def nesterov(*args, **settings):
    return gradient_descent(*args, accelerated=True, **settings)


def plain_lbfgs(*args, **settings):
    return lbfgs(*args, precondition=False, **settings)


def sgd_seeded(*args, **settings):
    return sgd(*args, random_state=np.random.RandomState(0), **settings)


def svrg_seeded(*args, **settings):
    return svrg(*args, random_state=np.random.RandomState(0), **settings)


EXACT = {
    "lbfgs": lbfgs,
    "plain lbfgs": plain_lbfgs,
    "newton": newton,
    "svrg": svrg_seeded,
    "gd": gradient_descent,
    "nesterov": nesterov,
}
ALL = EXACT | {"sgd": sgd_seeded}


@pytest.fixture(scope="session", params=[1, 3], ids=["logistic", "softmax"])
def objective(request, digits: ImageData) -> Objective:
    K = request.param
    X, y = digits.X_train[:500] / 255, digits.y_train[:500]
    return Objective(Samples.of(X), (y % max(K, 2)).astype(np.int32), K, alpha=ALPHA)


@pytest.fixture(scope="session")
def optimum(objective: Objective) -> np.ndarray:
    """By Newton's method with the whole Hessian, in NumPy."""
    X, y = objective.samples.X, objective.y
    theta = np.zeros(objective.n_parameters)
    for _ in range(30):
        W, b = objective.unpack(theta)
        gradient = np.concatenate([g.ravel() for g in reference.gradient(X, y, W, b, ALPHA)])
        # lstsq: a constant added to all intercepts of softmax changes nothing.
        theta = theta - np.linalg.lstsq(reference.hessian(X, W, b, ALPHA), gradient, rcond=1e-10)[0]
    assert np.abs(gradient).max() < 1e-14
    return theta


def value_of(objective, theta):
    return reference.value(objective.samples.X, objective.y, *objective.unpack(theta), objective.alpha)
