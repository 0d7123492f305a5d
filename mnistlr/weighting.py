"""Weights of samples and of classes, in proportions that no sum can overflow."""

from numbers import Real
from typing import Any

import numpy as np

from mnistlr._support.arrays import Array


def scaled(weight: Array) -> tuple[Array, int]:
    """Return weights w and e so that the given ones are w 2^e; the largest w lies in [1/2, 1).

    No sum or product of them overflows.
    """
    exponent = int(np.frexp(weight.max())[1])
    return np.ldexp(weight, -exponent), exponent


def combined(class_weight: Any, classes: Array, y: Array, sample_weight: Array | None) -> tuple[Array | None, int]:
    """Return the weight of each sample, (n,), as ``scaled`` does, or None and 0 where all are 1.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : ndarray (n_classes,)
        Labels.
    y : ndarray of int (n,)
        Class numbers.
    sample_weight : ndarray of float64 (n,), optional

    Raises
    ------
    ValueError
        For class weights that are no weights, or if no sample has a weight.
    """
    weight, exponent = (None, 0) if sample_weight is None else scaled(sample_weight)
    if class_weight is not None:
        per_class, more = scaled(class_weights(class_weight, classes, np.bincount(y, weight, len(classes))))
        weight, again = scaled(per_class[y] * (1.0 if weight is None else weight))
        exponent += more + again
    if weight is not None and not weight.any():
        raise ValueError("At least one of the sample weights must be positive, all are zero.")
    return weight, exponent


def class_weights(class_weight: Any, classes: Array, totals: Array) -> Array:
    """Return the weight of each class, (n_classes,).

    Parameters
    ----------
    class_weight : dict or "balanced"
        Label -> weight, 1 for labels that are not named; "balanced" gives every class that has samples the same total.
    classes : ndarray (n_classes,)
        Labels.
    totals : ndarray (n_classes,)
        The number or weight of the samples of each class.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or a label that is named is none.
    """
    if isinstance(class_weight, str):
        # A class without weight weighs nothing.
        balanced: Array = np.divide(totals.sum(), len(classes) * totals, out=np.zeros(len(classes)), where=totals > 0)
        return balanced
    labels = classes.tolist()
    named = {label.item() if isinstance(label, np.generic) else label: weight for label, weight in class_weight.items()}
    strangers = [label for label in named if label not in labels]
    wrong_kind = [label for label in strangers if isinstance(label, str) != isinstance(labels[0], str)]
    if wrong_kind or (strangers and len(named) - len(strangers) < len(labels)):
        hint = f" The labels are {'strings' if isinstance(labels[0], str) else 'no strings'}." if wrong_kind else ""
        raise ValueError(f"class_weight names {(wrong_kind or strangers)[0]!r}, but the classes are {labels}.{hint}")
    weights = [named.get(label, 1.0) for label in labels]
    if not all(isinstance(weight, Real | np.bool_) and 0 <= float(weight) < np.inf for weight in weights):
        raise ValueError(f"class_weight must be finite numbers >= 0, got {class_weight}.")
    return np.array(weights, np.float64)
