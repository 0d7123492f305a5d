"""The estimators among scikit-learn's tools and in the containers that data come in."""

import pickle
import re

import joblib
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import DecisionBoundaryDisplay, permutation_importance
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    RocCurveDisplay,
    get_scorer,
    get_scorer_names,
)
from sklearn.model_selection import (
    GridSearchCV,
    LearningCurveDisplay,
    StratifiedKFold,
    ValidationCurveDisplay,
    cross_val_predict,
    cross_validate,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import estimator_html_repr

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.samples import Samples
from mnistlr.training import DEFAULTS
from tests.conftest import ImageData

# Digits as floats are told to be better off as uint8; here they shall be floats.
pytestmark = pytest.mark.filterwarnings("ignore:X holds whole numbers:UserWarning")

LOGISTIC, SOFTMAX = LogisticRegression(alpha=1e-2), SoftmaxRegression(alpha=1e-2, random_state=0)


@pytest.fixture(scope="module")
def data(digits: ImageData):
    """600 digits of 8x8 pixels, with a few that are hard to tell."""
    return digits.X_train[:600], digits.y_train[:600]


@pytest.fixture(params=[LOGISTIC, SOFTMAX], ids=["logistic", "softmax"])
def problem(request, data):
    """A model that is not fitted, the digits, and labels of its kind: odd and even, or ten numbers."""
    X, y = data
    return clone(request.param), X, np.where(y % 2, "odd", "even") if request.param is LOGISTIC else y


# --- meta-estimators --------------------------------------------------------------------------------------------


def test_grid_search(problem):
    model, X, y = problem
    search = GridSearchCV(model, {"alpha": [1e-2, 1e3], "solver": ["lbfgs", "sgd"]}, cv=3, error_score="raise")
    search.fit(X, y)
    assert search.best_params_["alpha"] == 1e-2
    assert_array_equal(search.predict(X), search.best_estimator_.predict(X))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_a_pipeline_that_hands_frames_on(problem, container):
    model, X, y = problem
    pipeline = make_pipeline(MinMaxScaler(), model).set_output(transform=container).fit(X, y)
    assert list(pipeline[-1].feature_names_in_) == list(pipeline[0].get_feature_names_out())
    assert pipeline.score(X, y) > 0.8


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_cross_val_predict(problem, method):
    model, X, y = problem
    folds = StratifiedKFold(3)
    found = cross_val_predict(model, X, y, cv=folds, method=method)
    for train, test in folds.split(X, y):
        assert_array_equal(found[test], getattr(clone(model).fit(X[train], y[train]), method)(X[test]))


WRAPPERS = {
    "one-vs-one": OneVsOneClassifier,
    "one-vs-rest": OneVsRestClassifier,
    "stacking": lambda model: StackingClassifier([("a", model), ("b", clone(model))], clone(model), cv=3),
    "voting": lambda model: VotingClassifier([("a", model), ("b", clone(model))], voting="soft"),
    "bagging": lambda model: BaggingClassifier(model, 3, max_features=0.5, random_state=0),
    "frozen": FrozenEstimator,
    "sigmoid": lambda model: CalibratedClassifierCV(model, method="sigmoid", cv=3),
    "isotonic": lambda model: CalibratedClassifierCV(model, method="isotonic", cv=3),
    "temperature": lambda model: CalibratedClassifierCV(model, method="temperature", cv=3),
    "fewer features": lambda model: RFE(model, n_features_to_select=20, step=22),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrapped_by_others(problem, name):
    model, X, y = problem
    assert WRAPPERS[name](model.fit(X, y)).fit(X, y).score(X, y) > 0.85


def test_several_answers_are_several_detectors(data):
    X, y = data
    outputs = np.column_stack([y == label for label in range(3)])
    together = MultiOutputClassifier(LOGISTIC).fit(X, outputs)
    for detectors in (together.estimators_, OneVsRestClassifier(LOGISTIC).fit(X, y).estimators_[:3]):
        for detector, output in zip(detectors, outputs.T, strict=True):
            assert_array_equal(detector.coef_, clone(LOGISTIC).fit(X, output).coef_)


def test_feature_selection_and_importance(problem):
    model, X, y = problem
    fit = model.fit(X, y)
    importance = np.abs(fit.coef_).sum(axis=0)
    chosen = SelectFromModel(fit, prefit=True, threshold="mean").get_support()
    assert_array_equal(chosen, importance >= importance.mean())
    permuted = permutation_importance(fit, X, y, n_repeats=2, random_state=0).importances_mean
    assert_array_equal(permuted[importance == 0], 0)
    assert permuted.max() > 0.01


def test_clone_pickle_and_joblib(problem, tmp_path):
    model, X, y = problem
    fit = model.fit(X, y)
    assert not hasattr(clone(fit), "coef_")
    assert clone(fit).get_params() == fit.get_params()
    joblib.dump(fit, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert isinstance(mapped.coef_, np.memmap)
    copies = [pickle.loads(pickle.dumps(fit, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for again in (*copies, joblib.load(tmp_path / "model"), mapped):
        assert_array_equal(again.predict_proba(X), fit.predict_proba(X))
        assert_array_equal(again.set_params(warm_start=True).fit(X, y).classes_, fit.classes_)


def test_sample_weight_and_classes_find_their_way(data):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(SOFTMAX).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        model.set_partial_fit_request(sample_weight=True, classes=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        result = cross_validate(
            pipeline, X, y, cv=3, params={"sample_weight": weight}, return_estimator=True, return_indices=True
        )
        for i, fit in enumerate(result["estimator"]):
            train, test = result["indices"]["train"][i], result["indices"]["test"][i]
            scaler = StandardScaler().fit(X[train])
            by_hand = clone(SOFTMAX).fit(scaler.transform(X[train]), y[train], weight[train])
            assert_array_equal(fit[-1].coef_, by_hand.coef_)
            assert result["test_score"][i] == by_hand.score(scaler.transform(X[test]), y[test], weight[test])
        routed = model.get_metadata_routing()
        assert routed.partial_fit.requests == {"sample_weight": True, "classes": True}


# --- scorers and displays ---------------------------------------------------------------------------------------

# Scorers of clusterings, regressions and label sets are about something else, the others all have to work.
OTHERS = re.compile(
    r"r2|explained_variance|_error|_deviance|d2_(pinball|absolute)|mutual_info|rand_score|homogeneity|completeness|"
    r"v_measure|fowlkes|_samples$"
)
OF_TWO_CLASSES = {"average_precision", "roc_auc", "f1", "precision", "recall", "jaccard", "neg_brier_score"}
OF_TWO_CLASSES |= {"positive_likelihood_ratio", "neg_negative_likelihood_ratio"}
SCORERS = [name for name in get_scorer_names() if not OTHERS.search(name)]


@pytest.mark.parametrize("name", SCORERS)
def test_scorers(problem, name):
    model, X, labels = problem
    y = np.unique(labels, return_inverse=True)[1] % (2 if name in OF_TWO_CLASSES else 10)
    if name == "top_k_accuracy" and isinstance(model, LogisticRegression):
        pytest.skip("the better one of two classes is the first or the second")
    score = get_scorer(name)(model.fit(X, y), X, y)
    assert np.isfinite(score)
    assert score > -1 if name.startswith("neg_") else score > 0.5


def test_the_scorers_named_are_there():
    assert {"neg_log_loss", "roc_auc_ovr", "roc_auc_ovo_weighted", "accuracy", "f1_macro"} < {*SCORERS}
    assert len(SCORERS) > 25


@pytest.fixture
def _no_window():
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.mark.usefixtures("_no_window")
def test_displays(problem):
    model, X, y = problem
    fit = clone(model).fit(X, y)
    matrix = ConfusionMatrixDisplay.from_estimator(fit, X, y)
    assert matrix.confusion_matrix.trace() == (fit.predict(X) == y).sum()
    folds = {"cv": 3, "score_type": "both"}
    curve = LearningCurveDisplay.from_estimator(model, X, y, train_sizes=[0.5, 1.0], **folds)
    assert (curve.test_scores > 0.7).all()
    curve = ValidationCurveDisplay.from_estimator(model, X, y, param_name="alpha", param_range=[1e-2, 1e3], **folds)
    assert (curve.test_scores[0] > curve.test_scores[1]).all()
    two = X[:, [28, 36]] + 0.0
    for method in ("predict", "predict_proba", "decision_function"):
        DecisionBoundaryDisplay.from_estimator(fit.fit(two, y), two, response_method=method, grid_resolution=5)


@pytest.mark.usefixtures("_no_window")
@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_displays_of_two_classes(data, solver, method):
    X, y = data[0], np.where(data[1] % 2, "odd", "even")
    fit = LogisticRegression(solver=solver, random_state=0).fit(X, y)
    settings = {"response_method": method, "pos_label": "odd"}
    assert RocCurveDisplay.from_estimator(fit, X, y, **settings).roc_auc > 0.9
    assert PrecisionRecallDisplay.from_estimator(fit, X, y, **settings).average_precision > 0.9
    DetCurveDisplay.from_estimator(fit, X, y, **settings)
    assert CalibrationDisplay.from_estimator(fit, X, y).estimator_name == "LogisticRegression"


# --- what it says of itself -------------------------------------------------------------------------------------


def test_html(problem):
    model, X, y = problem
    new, fit = clone(model), clone(model).fit(X, y)
    for estimator, state in ((new, "Not fitted"), (fit, "Fitted"), (make_pipeline(StandardScaler(), fit), "Fitted")):
        page = estimator_html_repr(estimator)
        assert f"<span>{state}</span>" in page
        assert type(model).__name__ in page
        assert all(f">{name}<" in page for name in model.get_params())
        assert not re.findall(r'href="[^"]*mnistlr', page)
    assert "href" not in new._repr_html_()  # nobody has a page to link to
    assert set(new._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert repr(new) == f"{type(model).__name__}({'alpha=0.01' + ', random_state=0' * (model.random_state == 0)})"


# --- containers -------------------------------------------------------------------------------------------------


@pytest.fixture
def seen(monkeypatch):
    """What the estimators hand to the solvers."""
    matrices = []
    of = Samples.of

    def spy(X):
        matrices.append(X)
        return of(X)

    monkeypatch.setattr(Samples, "of", staticmethod(spy))
    return matrices


def in_pieces(X):
    """The matrix as a frame in pandas, each column an array of its own."""
    return pd.DataFrame({f"pixel{j}": X[:, j] for j in range(X.shape[1])})


@pytest.mark.parametrize("frame", [in_pieces, lambda X: pl.from_pandas(in_pieces(X))], ids=["pandas", "polars"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_frames_are_the_arrays_they_hold(problem, seen, frame, dtype):
    model, X, y = problem
    X = X.astype(dtype)
    framed = frame(X)
    fit = clone(model).fit(framed, y)
    assert seen[-1].dtype == dtype
    assert_array_equal(fit.coef_, clone(model).fit(X, y).coef_)
    assert list(fit.feature_names_in_) == list(framed.columns)
    assert_array_equal(fit.predict(framed), fit.predict(frame(X)))
    with pytest.raises(ValueError, match="feature names should match"):
        fit.predict(framed[list(framed.columns)[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_array_equal(fit.predict(X), fit.predict(framed))


@pytest.mark.parametrize("labels", [pd.Series, pl.Series, lambda y: pd.Series(y, dtype="category"), list, tuple])
def test_labels_in_any_container(data, labels):
    X, y = data[0], np.array(list("abcdefghij"))[data[1]]
    fit = clone(SOFTMAX).fit(X, labels(y))
    assert_array_equal(fit.coef_, clone(SOFTMAX).fit(X, y).coef_)
    assert_array_equal(fit.classes_, np.unique(y))
    assert fit.score(X, labels(y)) > 0.9


def test_columns_of_several_kinds_are_floats(data):
    X, y = data
    plain = clone(SOFTMAX).fit(X.astype(float), y)
    frame = pd.DataFrame(X).astype({0: "Int64", 1: "float32", 2: "Float64", 3: "int16"})
    assert_array_equal(clone(SOFTMAX).fit(frame.rename(columns=str), y).coef_, plain.coef_)
    missing = frame.rename(columns=str).astype("Int64")
    missing.iloc[3, 3] = pd.NA
    with pytest.raises(ValueError, match="NaN"):
        clone(SOFTMAX).fit(missing, y)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("container", ["matrix", "array"])
def test_sparse_formats(data, kind, container):
    X, y = data
    make = getattr(sp, f"{kind}_{container}")
    X, y = X[:30], y[:30]  # DIA is inefficient for many diagonals, and says so
    expected = clone(SOFTMAX).fit(sp.csr_array(X), y)
    fit = clone(SOFTMAX).fit(make(X), y)
    assert_array_equal(fit.coef_, expected.coef_)
    assert_array_equal(fit.predict_proba(make(X)), expected.predict_proba(sp.csr_array(X)))


@pytest.mark.parametrize("solver", DEFAULTS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pixels_reach_the_solver_without_a_copy(small_mnist: ImageData, seen, solver, tmp_path):
    """uint8 pixels, dense or CSR, read-only and memory-mapped ones too."""
    X, y = np.array(small_mnist.X_train[:200]), small_mnist.y_train[:200]
    np.save(tmp_path / "X.npy", X)
    frozen, sparse, mapped = X.copy(), sp.csr_array(X), np.load(tmp_path / "X.npy", mmap_mode="r")
    frozen.flags.writeable = False
    for part in (sparse.data, sparse.indices, sparse.indptr):
        part.flags.writeable = False
    model = SoftmaxRegression(solver=solver, max_iter=2, random_state=0)
    plain = clone(model).fit(X, y)
    for given in (X, frozen, mapped):
        fit = model.fit(given, y)
        assert np.shares_memory(Samples.of(seen[-1]).X, given)
        assert_array_equal(fit.coef_, plain.coef_)
        assert_array_equal(fit.predict_proba(given), plain.predict_proba(X))
    model.fit(sparse, y)
    assert np.shares_memory(Samples.of(seen[-1]).X[0], sparse.data)
