"""scikit-learn's own checks of an estimator, for both models with every solver: none is skipped, none may fail."""

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.training import DEFAULTS

MODELS = [LogisticRegression(), SoftmaxRegression()]
OTHERS = [type(model)(solver=solver) for model in MODELS for solver in DEFAULTS if solver != model._default_solver]

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # some checks allow few iterations
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),  # of theirs
]


@parametrize_with_checks(MODELS)
def test_check(estimator, check):
    check(estimator)


@pytest.mark.long
@parametrize_with_checks(OTHERS)
def test_check_of_other_solvers(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", MODELS + OTHERS, ids=repr)
def test_tags(estimator):
    tags = get_tags(estimator)
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    assert not tags.input_tags.string
    assert tags.target_tags.required
    assert not tags.classifier_tags.multi_label
    assert not tags.non_deterministic
    assert tags.classifier_tags.multi_class == isinstance(estimator, SoftmaxRegression)
    assert get_tags(make_pipeline(MaxAbsScaler(), estimator)).input_tags.sparse
