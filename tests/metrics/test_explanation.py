"""Explanations: what the pixels contributed sums to the score; what is said to have decided did."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression

from mnistlr import ArgumentError, LogisticRegression, SoftmaxRegression, explain

EPS32, EPS = np.finfo(np.float32).eps, np.finfo(np.float64).eps
KINDS = ["uint8", "float32", "float64", "CSR"]


@pytest.fixture(scope="module")
def models(digits):
    fitted = {}
    for kind in KINDS:
        X = as_kind(digits.X_train, kind)
        fitted["softmax", kind] = SoftmaxRegression(random_state=0).fit(X, digits.y_train)
        fitted["logistic", kind] = LogisticRegression().fit(X, digits.y_train == 2)
    return fitted


def as_kind(X, kind):
    if kind == "uint8":
        return X
    return sp.csr_matrix(X / 255.0) if kind == "CSR" else (X / 255.0).astype(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["softmax", "logistic"])
def test_contributions_sum_to_the_decision_function_and_answers_are_the_model_s(models, digits, name, kind):
    model, X = models[name, kind], as_kind(digits.X_test[:100], kind)
    probabilities, labels = model.predict_proba(X), model.predict(X)
    eps = EPS if X.dtype == np.float64 else EPS32  # of the arithmetic inside a row
    for k, raw in enumerate(np.atleast_2d(model.decision_function(X).T).T):
        why = explain(model, X[k])
        size = np.abs(why.contributions).sum(axis=1) + np.abs(why.intercept)
        # A sum of n terms errs by at most n eps times the sum of their sizes (N. Higham, "Accuracy and Stability of
        # Numerical Algorithms", 2002, eq. 3.5); the weights and the products are rounded as well.
        bound = (len(why.pixels) + 3) * size
        total = why.contributions.sum(axis=1) + why.intercept
        assert (np.abs(total - why.raw_prediction) <= EPS * bound).all()
        theirs = raw if name == "softmax" else np.append(0.0, raw)
        assert (np.abs(total - theirs) <= eps * bound).all()
        first, second = why.ranking[:2]
        assert abs(why.decision.sum() + why.intercept[first] - why.intercept[second] - why.margin) <= EPS * bound.sum()
        assert why.label == labels[k]
        assert why.runner_up == model.classes_[np.argsort(probabilities[k])[-2]]
        assert why.margin >= 0
        np.testing.assert_allclose(why.probabilities, probabilities[k], rtol=1e-4, atol=1e-30)
        assert np.log(why.probabilities[first] / why.probabilities[second]) == pytest.approx(why.margin)


def test_paper_contributes_nothing(models, digits):
    model = models["softmax", "uint8"]
    why = explain(model, digits.X_test[0])
    assert not why.contributions[:, digits.X_test[0] == 0].any()
    blank = explain(model, np.zeros(64, np.uint8))
    assert not blank.contributions.any()
    assert np.array_equal(blank.raw_prediction, model.intercept_)
    assert len(blank.decisive_pixels) == 0


@pytest.mark.parametrize("name", ["softmax", "logistic"])
def test_without_the_decisive_pixels_it_goes_the_other_way_and_with_one_of_them_it_does_not(models, digits, name):
    model, n_decided = models[name, "float64"], 0
    for image in digits.X_test / 255.0:
        why = explain(model, image)
        decisive = why.decisive_pixels
        first, second = why.ranking[:2]
        if not len(decisive):  # then not even without all that speaks for it
            image = np.where(why.decision > 0, 0, image)
            less = explain(model, image).raw_prediction
            assert less[first] > less[second]
            continue
        n_decided += 1
        assert (why.decision[decisive] > 0).all()
        assert (np.diff(why.decision[decisive]) <= 0).all()
        for wiped, answer_stands in ((decisive, False), (decisive[:-1], True)):
            erased = image.copy()
            erased[wiped] = 0
            less = explain(model, erased).raw_prediction
            assert (less[first] > less[second]) == answer_stands
    assert n_decided > 100


def test_sign_convention_of_two_classes(models, digits):
    model = models["logistic", "uint8"]
    two, other = digits.X_test[digits.y_test == 2][0], digits.X_test[digits.y_test == 0][0]
    why = explain(model, two)
    assert (why.label, why.runner_up) == (True, False)
    assert not why.contributions[0].any()
    assert np.array_equal(why.decision, model.coef_[0] * two)
    why = explain(model, other)
    assert (why.label, why.runner_up) == (False, True)
    assert np.array_equal(why.decision, -model.coef_[0] * other)


def test_any_shape_of_one_image(models, digits):
    model = models["softmax", "uint8"]
    image = digits.X_test[0]
    expected = explain(model, image)
    sparse = sp.csr_matrix(image[None]), sp.csr_array(image[None])
    for same in (image[None], image.reshape(8, 8), image.tolist(), *sparse):
        assert np.array_equal(explain(model, same).contributions, expected.contributions)


def test_equal_scores_go_to_the_first_class_as_in_predict():
    model = SoftmaxRegression(tol=1e9).fit(np.eye(3), [0, 1, 2])
    model.coef_, model.intercept_ = np.zeros((3, 3)), np.zeros(3)
    why = explain(model, np.ones(3))
    assert why.label == model.predict(np.ones((1, 3)))[0] == 0
    assert (why.runner_up, why.margin) == (1, 0)


def test_sklearn_s_model_can_be_explained(digits):
    model = SklearnLogisticRegression(max_iter=20, tol=10).fit(digits.X_train / 255.0, digits.y_train)
    image = digits.X_test[0] / 255.0
    why = explain(model, image)
    np.testing.assert_allclose(why.raw_prediction, model.decision_function(image[None])[0])
    np.testing.assert_allclose(why.probabilities, model.predict_proba(image[None])[0])


def test_what_cannot_be_explained_is_refused(models, digits):
    model = models["softmax", "uint8"]
    with pytest.raises(ArgumentError, match="expected an image of 64 pixels, as the model takes, got 128"):
        explain(model, digits.X_test[:2])
    with pytest.raises(ArgumentError, match="finite"):
        explain(model, np.full(64, np.nan))
    with pytest.raises(NotFittedError):
        explain(SoftmaxRegression(), digits.X_test[0])


def test_repr_is_the_answer_in_one_line(models, digits):
    why = explain(models["softmax", "uint8"], digits.X_test[0])
    assert repr(why).startswith(f"<Explanation: {why.label} rather than {why.runner_up}, margin ")
    assert len(repr(why)) < 100
