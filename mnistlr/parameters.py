"""The parameters of the two models: what they may be, and what scikit-learn calls otherwise or has besides."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from typing import Any, TypeVar

from mnistlr._support.sklearn import Interval, StrOptions
from mnistlr.training import DEFAULTS

Init = TypeVar("Init", bound=Callable[..., None])

CONSTRAINTS: dict[str, list[Any]] = {
    "solver": [StrOptions(set(DEFAULTS)), None],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left"), None],
    "max_iter": [Interval(Integral, 1, None, closed="left"), None],
    "fit_intercept": ["boolean"],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "n_jobs": [Integral, None],
    "batch_size": [Interval(Integral, 1, 2**31 - 1, closed="both")],
    "learning_rate": [StrOptions({"auto", "constant", "invscaling"})],
    "step_scale": [Interval(Real, 0, None, closed="neither")],
    "eta0": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "average": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
}
"""Parameter -> what scikit-learn's validation lets it be."""

ELSEWHERE = {
    "C": "use alpha = 1 / (C * n_samples)",
    "penalty": "the penalty is L2, its strength is alpha, and alpha=0 is none",
    "l1_ratio": "the penalty is L2, L1 is not offered",
    "multi_class": "LogisticRegression takes two classes, SoftmaxRegression any number",
    "dual": "the primal problem is solved",
    "intercept_scaling": "intercepts are not penalised, so there is nothing to scale",
    "loss": "the loss is logistic or softmax",
    "epsilon": "the loss is logistic or softmax",
    "shuffle": "sgd and svrg always shuffle, random_state repeats it",
    "verbose": "history_ and callbacks show the course of a fit",
    "max_epochs": "use max_iter",
    "epochs": "use max_iter",
    "n_iter": "use max_iter",
    "learning_rate_init": "use eta0",
    "lr": "use eta0",
    "seed": "use random_state",
}
"""What users of other libraries may write -> what to do here."""


def by_name(init: Init) -> Init:
    """Let ``__init__`` refuse what it has no parameter for, in the name of the class and with what to do instead."""
    known = [name for name in signature(init).parameters if name != "self"]

    @wraps(init)
    def checked(self: Any, *args: Any, **settings: Any) -> None:
        if args:
            raise TypeError(f"{type(self).__name__} takes its parameters by name, such as alpha=1e-3, got {args[0]!r}.")
        check_names(self, settings, known, TypeError)
        init(self, **settings)

    return checked  # type: ignore[return-value]


def check_names(model: Any, names: Any, known: Any, error: type[Exception]) -> None:
    """Raise ``error`` if one of the ``names`` is not among the ``known`` parameters of ``model``.

    Raises
    ------
    TypeError or ValueError
        As asked for.
    """
    for name in names:
        if name.partition("__")[0] not in known:
            advice = ELSEWHERE.get(name, f"it has {', '.join(known)}")
            raise error(f"{type(model).__name__} has no parameter {name!r}: {advice}.")
