"""Deskew, EdgeFeatures and DigitReader as scikit-learn's conventions want them, whatever the pixels come in."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from mnistlr import SoftmaxRegression
from mnistlr.exceptions import ArgumentError
from mnistlr.features import Deskew, DigitReader, EdgeFeatures, distort, redraw
from mnistlr.features.deskew import deskew
from mnistlr.features.distortion import distort_images
from mnistlr.features.edges import edge_features
from mnistlr.features.redrawing import redraw_images
from mnistlr.trained.quick import trained_reader

# The checks' tables have any number of columns, which are pictures of a single row here.
ANY_WIDTH = [Deskew(shape=(1, -1)), EdgeFeatures(shape=(1, -1)), DigitReader(shape=(1, -1))]
ALL = [Deskew(), EdgeFeatures(), DigitReader(random_state=0)]
for_each = pytest.mark.parametrize("estimator", ALL, ids=lambda estimator: type(estimator).__name__)


@pytest.fixture
def images(small_mnist):
    return small_mnist.X_test, small_mnist.y_test


def outcome(estimator, X):
    return estimator.features(X) if isinstance(estimator, DigitReader) else estimator.transform(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(ANY_WIDTH)
def test_check(estimator, check):
    check(estimator)


@for_each
@pytest.mark.parametrize("kind", ["share", "float32", "int64", "list", "csr", "frame", "fortran", "view"])
def test_pixels_of_any_type_mean_the_same(estimator, kind, images):
    X, y = images[0][:120], images[1][:120]
    wanted = outcome(clone(estimator).fit(X, y), X)
    assert X.max() == 255
    if kind == "frame":
        pandas = pytest.importorskip("pandas")
    other = {
        "share": lambda: X / 255,
        "float32": lambda: (X / 255).astype(np.float32),
        "int64": lambda: X.astype(np.int64),
        "list": lambda: X.tolist(),
        "csr": lambda: sp.csr_matrix(X),
        "frame": lambda: pandas.DataFrame(X, columns=[f"p{number}" for number in range(784)]),
        "fortran": lambda: np.asfortranarray(X),
        "view": lambda: np.repeat(X, 2, axis=1)[:, ::2],
    }[kind]()
    fitted = clone(estimator).fit(other, y)
    assert np.array_equal(outcome(fitted, other), wanted)
    if kind == "share":  # whatever it was fitted on, uint8 is known
        assert np.array_equal(outcome(fitted, X), wanted)


def test_values_outside_are_paper_or_full_ink():
    fitted = Deskew().fit([[0.0, 2.0, 0.0, 1.0]])
    assert fitted.transform([[1e308, 4.0, -1.0, -1e308]]).tolist() == [[255, 255, 0, 0]]
    assert fitted.transform([[1.0, 1.0, 0.0, 0.0]]).tolist() == [[128, 128, 0, 0]]
    assert Deskew().fit_transform(np.zeros((1, 4))).tolist() == [[0, 0, 0, 0]]


@for_each
def test_same_bits_for_any_number_of_threads_and_any_company(estimator, images):
    X, y = images
    one = clone(estimator).set_params(n_jobs=1).fit(X, y)
    wanted = outcome(one, X)
    assert wanted.dtype == np.uint8
    assert np.array_equal(outcome(clone(estimator).set_params(n_jobs=3).fit(X, y), X), wanted)
    for number in (0, 300, 999):
        assert np.array_equal(outcome(one, X[number : number + 1])[0], wanted[number])


def test_one_name_gives_the_pipeline(images):
    X, y = images
    reader = DigitReader(random_state=0).fit(X[:800], y[:800])
    classifier = SoftmaxRegression(alpha=1e-5, tol=5e-2, step_scale=4.0, random_state=0)
    pipeline = make_pipeline(Deskew(), EdgeFeatures(), classifier).fit(X[:800], y[:800])
    for method in ("decision_function", "predict", "predict_proba", "predict_log_proba"):
        assert np.array_equal(getattr(reader, method)(X), getattr(pipeline, method)(X))
    assert reader.score(X[800:], y[800:]) == np.mean(reader.predict(X[800:]) == y[800:])
    assert np.array_equal(reader.classes_, np.unique(y[:800]))


def test_reads_far_better_than_pixels_do(small_mnist):
    X_train, X_test, y_train, y_test, *_ = small_mnist
    by_pixels, by_edges = (
        1 - model.fit(X_train, y_train).score(X_test, y_test)
        for model in (SoftmaxRegression(random_state=0), DigitReader(random_state=0))
    )
    assert by_edges < min(by_pixels / 3, 0.03)


def test_reads_the_small_digits(digits):
    reader = DigitReader(grids=(4,), random_state=0).fit(digits.X_train, digits.y_train)
    assert reader.score(digits.X_test, digits.y_test) > 0.97


def test_a_reader_does_not_mind_frames_as_output(images):
    with config_context(transform_output="pandas"):
        reader = DigitReader(random_state=0).fit(*images)
        assert type(reader.features(images[0])) is np.ndarray


@for_each
def test_not_fitted(estimator, images):
    with pytest.raises(NotFittedError):
        outcome(clone(estimator), images[0])


def test_a_reader_takes_data_in_this_process(images):
    blocks = pytest.importorskip("dask.array").from_array(images[0], chunks=500)
    reader = DigitReader(random_state=0).fit(*images)
    for use in (lambda: reader.predict(blocks), lambda: DigitReader().fit(blocks, images[1])):
        with pytest.raises(ArgumentError, match=r"X is on Dask, but mnistlr\.DigitReader takes data in this process"):
            use()


def test_weights_are_repeated_samples(images):
    X, y = images[0][:300], images[1][:300]
    weights = np.arange(300) % 3
    X_float = X / 255
    X_float[0] *= 10  # does not count, and so does not settle what full ink is
    weighted = DigitReader(random_state=0).fit(X_float, y, sample_weight=weights)
    repeated = DigitReader(random_state=0).fit(np.repeat(X_float, weights, axis=0), np.repeat(y, weights))
    assert np.allclose(weighted.classifier_.coef_, repeated.classifier_.coef_, rtol=1e-5, atol=1e-8)


def test_names(images):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(images[0][:5]).add_prefix("pixel")
    edges = EdgeFeatures(directions=4, grids=(2, 1)).set_output(transform="pandas").fit(frame)
    out = edges.transform(frame)
    assert out.shape == (5, 4 * (4 + 1))
    assert out.columns[0] == "edge_2x2_row0_column0_0deg"
    assert out.columns[13] == "edge_2x2_row1_column1_90deg"
    assert out.columns[-1] == "edge_1x1_row0_column0_270deg"
    assert Deskew().fit(frame).get_feature_names_out()[0] == "pixel0"
    with pytest.raises(ValueError, match="feature names"):
        edges.transform(frame.add_prefix("x"))


@for_each
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "expected square images, such as 28x28 = 784 pixels, got 12 pixels"),
        ({"shape": (3, 5)}, r"expected images of shape \(3, 5\), rows and columns, got 12 pixels"),
        ({"shape": (12,)}, r"expected images of shape \(12,\), rows and columns"),
        ({"shape": ("3", 4)}, "rows and columns"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(estimator, settings, said):
    with pytest.raises(ArgumentError, match=said):
        clone(estimator).set_params(**settings).fit(np.ones((4, 12)), [0, 0, 1, 1])


@pytest.mark.parametrize("grids", [(), (0,), (2.5,), ("8",)])
def test_grids_that_are_none_are_refused(grids):
    with pytest.raises(ArgumentError, match="expected grids with the sides"):
        EdgeFeatures(grids=grids).fit(np.ones((1, 16)))


@pytest.mark.skipif(not hasattr(edge_features, "signatures"), reason="not compiled")
def test_kernels_are_compiled_once_for_all_images():
    writable = np.zeros((3, 784), np.uint8)
    read_only = writable.copy()
    read_only.flags.writeable = False
    for X in (writable, read_only, writable / 255):
        EdgeFeatures().fit_transform(Deskew().fit_transform(redraw(distort(X))))
        redraw(distort(X[:1]))
        assert X is read_only or X.flags.writeable
    fit = EdgeFeatures().fit(writable)
    for copied in (copy.deepcopy(fit), pickle.loads(pickle.dumps(fit))):  # as in another process of joblib
        assert np.array_equal(copied.transform(writable), fit.transform(writable))
    assert trained_reader().features(writable).shape == (3, 900)
    for kernel in (deskew, edge_features, distort_images, redraw_images):
        assert len(kernel.signatures) == 1
