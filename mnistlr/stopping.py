"""When a run ends: two rules, which the loop in ``training`` shows every iterate."""

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.exceptions import DivergenceError
from mnistlr.objective import Objective
from mnistlr.solvers import Iterate

ROSE = 0.01  # of its value: an objective that rose by more in an epoch asks for smaller steps
VANISHED = 0.01  # of the penalty: a smaller loss means weights beyond any optimum, where its gradient vanishes as well


class GradientRule:
    """Stop when no entry of the gradient is larger than ``tol``.

    With the ``objective``, go on where its value is nothing but penalty: weights so large that all losses vanish have
    a small gradient, and are no optimum. A gradient of ``enough`` will do where rounding allows no lower point.
    """

    def __init__(self, tol: float, objective: Objective | None = None, enough: float = 0.0) -> None:
        self.tol, self.objective, self.enough = tol, objective, enough

    def extras(self, iterate: Iterate) -> dict[str, float]:
        """Note the point, and nothing else."""
        self.latest = iterate
        return {}

    def answer(self) -> Array:
        """Return the latest point."""
        return self.latest.theta

    def judge(self, iterate: Iterate) -> tuple[bool, str] | None:
        """Compare the gradient with ``tol``.

        Raises
        ------
        DivergenceError
            If value or gradient are not finite.
        """
        norm = iterate.gradient_norm
        if not (np.isfinite(iterate.value) and np.isfinite(norm)):
            raise DivergenceError(
                f"The objective is {iterate.value:.3g} and its gradient {norm:.3g} in iteration {iterate.iteration}; "
                "expected finite numbers. Scale the features."
            )
        if norm > self.tol or self._overshot(iterate):
            return None
        return True, f"gradient norm {norm:.2g} <= tol"

    def _overshot(self, iterate: Iterate) -> bool:
        penalty = 0.0 if self.objective is None else self.objective.penalty(iterate.theta)
        return penalty > self.tol and iterate.value - penalty < VANISHED * penalty

    def exhausted(self) -> str:
        """Say how it stands where ``max_iter`` is reached."""
        return f"max_iter reached; {self._standing()}"

    def stuck(self) -> tuple[bool, str]:
        """Say whether it is good enough where the solver finds no better point, and how it stands."""
        is_single = self.objective is not None and self.objective.samples.dtype == np.float32
        advice = " (float64 data allow less)" if is_single else ""
        is_enough = self.tol < self.latest.gradient_norm <= self.enough
        return is_enough, f"rounding allows no lower point; {self._standing()}{advice}"

    def _standing(self) -> str:
        norm = self.latest.gradient_norm
        return f"gradient norm {norm:.2g} > tol" if norm > self.tol else "all losses have vanished, the penalty has not"


class ImprovementRule:
    """Stop when ``patience`` epochs in a row fail to improve by ``tol`` times the value.

    What has to improve is the objective or, with early stopping, the loss on samples held back, whose best point is
    then the answer.
    """

    def __init__(self, tol: float, patience: int, validation: Objective | None) -> None:
        self.tol, self.patience, self.validation = tol, patience, validation
        self.best, self.stale = np.inf, 0

    def extras(self, iterate: Iterate) -> dict[str, float]:
        """Judge the point by the validation loss, where there is one."""
        judged = iterate.value if self.validation is None else self.validation.value(iterate.theta)
        improved = judged < self.best - self.tol * abs(self.best) or self.best == np.inf
        self.stale = 0 if improved else self.stale + 1
        if judged < self.best or self.validation is None:
            self.theta = iterate.theta
        self.best = min(judged, self.best)
        return {} if self.validation is None else {"validation_loss": judged}

    def answer(self) -> Array:
        """Return the point with the least validation loss, or the latest."""
        return self.theta

    def judge(self, iterate: Iterate) -> tuple[bool, str] | None:
        """Count the epochs without improvement.

        Raises
        ------
        DivergenceError
            If the value is not finite.
        """
        if not np.isfinite(iterate.value):
            raise DivergenceError(
                f"The objective is {iterate.value:.3g} after epoch {iterate.iteration}; expected a finite number. Take "
                "smaller steps (step_scale, eta0), or scale the features."
            )
        if self.stale < self.patience:
            return None
        what = "objective" if self.validation is None else "validation loss"
        if self.validation is None and iterate.value > self.best * (1 + max(self.tol, ROSE)):
            return (
                False,
                f"the {what} rose from {self.best:.3g} to {iterate.value:.3g}, which asks for smaller steps "
                "(step_scale, eta0)",
            )
        epochs = "epoch" if self.stale == 1 else "epochs"
        return True, f"the {what} improved by less than tol = {self.tol:g} of its value in {self.stale} {epochs}"

    def exhausted(self) -> str:
        """Say how it stands where ``max_iter`` is reached."""
        return f"max_iter reached; epochs still improve by more than tol = {self.tol:g}"

    def stuck(self) -> tuple[bool, str]:
        """Say how it stands where the solver finds no better point, which is no end of this kind."""
        return False, "the solver finds no better point"
