"""Small problems with their optima, and all solvers with one signature, run as an estimator runs them."""

from functools import partial

import numpy as np
import pytest

from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import gradient_descent, lbfgs, newton, sgd, svrg
from mnistlr.stopping import GradientRule, ImprovementRule
from mnistlr.training import minimise
from tests.conftest import ImageData
from tests.helpers import reference

ALPHA = 0.05


def sgd_seeded(*args, **settings):
    return sgd(*args, random_state=np.random.RandomState(0), **settings)


def svrg_seeded(*args, **settings):
    return svrg(*args, random_state=np.random.RandomState(0), **settings)


EXACT = {
    "lbfgs": lbfgs,
    "plain lbfgs": partial(lbfgs, precondition=False),
    "newton": newton,
    "svrg": svrg_seeded,
    "gd": gradient_descent,
    "nesterov": partial(gradient_descent, accelerated=True),
}
ALL = EXACT | {"sgd": sgd_seeded}


class Watch:
    """Shows a function every iterate; the run stops when it returns True."""

    def __init__(self, look):
        self.look = look

    def begin(self, theta):
        pass

    def end(self, theta, iteration, record):
        return bool(self.look(theta, record))


def run(iterates, start, rule, max_iter, look=None):
    """Let a solver run; ``rule`` may be a tolerance for the gradient. Return the result and the history."""
    rule = GradientRule(rule) if isinstance(rule, float) else rule
    return minimise(iterates, start, rule, max_iter, None if look is None else Watch(look))


def run_by_name(name, objective, start, *, tol, max_iter, look=None):
    """Run one of ``ALL`` until its own rule stops it."""
    rule = ImprovementRule(tol, 1, None) if name == "sgd" else GradientRule(tol)
    return run(ALL[name](objective, start), start, rule, max_iter, look)


@pytest.fixture(scope="session", params=[1, 3], ids=["logistic", "softmax"])
def objective(request, digits: ImageData) -> Objective:
    K = request.param
    X, y = digits.X_train[:500] / 255, digits.y_train[:500]
    return Objective(Samples.of(X), (y % max(K, 2)).astype(np.int32), K, alpha=ALPHA)


@pytest.fixture(scope="session")
def optimum(objective: Objective) -> np.ndarray:
    """By Newton's method with the whole Hessian, in NumPy."""
    X, theta = objective.samples.X, objective.zeros()
    for _ in range(30):
        gradient, hessian = gradient_of(objective, theta), reference.hessian(X, *objective.unpack(theta), ALPHA)
        # lstsq: a constant added to all intercepts of softmax changes nothing.
        theta = theta - np.linalg.lstsq(hessian, gradient, rcond=1e-10)[0]
    assert np.abs(gradient).max() < 1e-14
    return theta


def value_of(objective, theta):
    return reference.value(objective.samples.X, objective.y, *objective.unpack(theta), objective.alpha)


def gradient_of(objective, theta):
    gradients = reference.gradient(objective.samples.X, objective.y, *objective.unpack(theta), objective.alpha)
    return np.concatenate([part.ravel() for part in gradients])
