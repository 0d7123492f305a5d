"""scikit-learn's own checks of an estimator, for both models with every solver: none is skipped, none may fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.linear_classifier import DEFAULTS

ESTIMATORS = [model(solver=solver) for model in (LogisticRegression, SoftmaxRegression) for solver in (None, *DEFAULTS)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some checks allow few iterations
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # of theirs
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_tags(estimator):
    tags = estimator.__sklearn_tags__()
    assert tags.input_tags.sparse
    assert tags.classifier_tags.multi_class == isinstance(estimator, SoftmaxRegression)
