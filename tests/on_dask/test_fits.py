"""Fits on Dask have the same bits as those without it, whatever the workers, and end in ordinary models."""

import itertools
import pickle
import time

import distributed
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import mnistlr
from mnistlr import load_model, save_model, to_onnx
from mnistlr._support.foreign import is_dask
from mnistlr.on_dask import LogisticRegression, SoftmaxRegression
from tests.helpers.blocks import MARKS, assert_same_bits, cut, fit_in_blocks, on_dask
from tests.helpers.recorder import Recorder

pytestmark = MARKS


def ordinary(model):
    """The model in this process with the same parameters."""
    return getattr(mnistlr, type(model).__name__)(**model.get_params())


@pytest.mark.parametrize(
    ("kind", "solver"),
    [("uint8", solver) for solver in ("lbfgs", "newton", "gd", "nesterov", "sgd")]
    + list(itertools.product(["float32", "float64", "csr"], ["lbfgs", "sgd"])),
)
def test_same_bits_as_on_one_machine(client, small_mnist, kind, solver):
    edges = [0, 600, 600, 900, 1500]
    X, y = small_mnist.X_train[:1500], small_mnist.y_train[:1500]
    if kind != "uint8":
        X = (X / 255).astype("float32" if kind == "csr" else kind)
    if kind == "csr":
        X = sp.csr_matrix(X)
    binary = kind in ("uint8", "csr")
    model = LogisticRegression() if binary else SoftmaxRegression()
    model.set_params(solver=solver, max_iter=4, random_state=0)
    y = y == 2 if binary else y
    there = clone(model).fit(on_dask(X, edges), y)
    assert_same_bits(fit_in_blocks(model, cut(X, edges), cut(y, edges)), there)
    whole = ordinary(model).fit(X, y)
    assert_same_bits(whole, fit_in_blocks(model, [X], [y]))
    assert_same_bits(whole, clone(model).fit(X, y))  # not on Dask at all
    if solver != "sgd":  # another order of the sums, but the same function
        np.testing.assert_allclose(there.history_["objective"], whole.history_["objective"], rtol=1e-5)


def test_rare_features_wait_as_on_one_machine(client):
    """The wait ends with a block, but which features wait is a matter of all of them."""
    random, edges = np.random.default_rng(0), [0, 600, 600, 900, 1500]
    X = sp.hstack([random.random((1500, 5)), sp.random(1500, 3000, 0.001, random_state=random)], format="csr")
    y = random.integers(0, 3, 1500)
    model = SoftmaxRegression(solver="sgd", max_iter=4, random_state=0)
    there = clone(model).fit(on_dask(X, edges), y)
    assert_same_bits(fit_in_blocks(model, cut(X, edges), cut(y, edges)), there)
    whole = ordinary(model).fit(X, y)
    assert_same_bits(whole, fit_in_blocks(model, [X], [y]))
    assert whole.history_["objective"][-1] < whole.history_["objective"][0]


@pytest.mark.parametrize(
    ("solver", "class_weight"), [("lbfgs", "balanced"), ("sgd", "balanced"), ("lbfgs", {"digit 3": 5.0})]
)
def test_weights_and_early_stopping(client, small_mnist, solver, class_weight):
    X, y = small_mnist.X_train, np.array([f"digit {label}" for label in small_mnist.y_train])
    weight = np.random.default_rng(0).random(len(y))
    weight[:700] = 0  # the whole of a block
    model = SoftmaxRegression(
        solver=solver, max_iter=5, random_state=0, class_weight=class_weight, early_stopping=True, fit_intercept=False
    )
    there = clone(model).fit(on_dask(X), on_dask(y), sample_weight=on_dask(weight))
    assert_same_bits(fit_in_blocks(model, cut(X), cut(y), cut(weight)), there)
    assert ("validation_loss" in there.history_) == (solver == "sgd")
    assert_same_bits(ordinary(model).fit(X, y, weight), fit_in_blocks(model, [X], [y], [weight]))
    assert_same_bits(there, model.fit(on_dask(X), y, weight))  # weights and labels from this process


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_only_the_proportions_of_weights_count(digits, solver, class_weight):
    """Be they so small that their squares vanish, or so large that their sum is infinite; not a bit differs."""
    edges = [0, 100, 800, len(digits.y_train)]
    X, y = cut(digits.X_train, edges), cut(digits.y_train, edges)
    weight = np.random.default_rng(0).integers(1, 9, len(digits.y_train)).astype(float)
    weight[:100], weight[100:800] = 0, weight[100:800] / 8
    model = SoftmaxRegression(solver=solver, class_weight=class_weight, max_iter=5, random_state=0)
    expected = fit_in_blocks(model, X, y, cut(weight, edges))
    for factor in (2.0**-670, 2.0**-1060, 2.0**1019):
        assert_same_bits(fit_in_blocks(model, X, y, cut(weight * factor, edges)), expected)


def test_many_workers_merge_on_the_way(client, small_mnist, monkeypatch):
    """More workers than answer directly: sums are merged on workers, weights handed on; the same bits."""
    X, y = small_mnist.X_train, small_mnist.y_train
    edges = list(range(0, len(y) + 1, 250))
    model = SoftmaxRegression(solver="newton", max_iter=2)
    here = fit_in_blocks(model, cut(X, edges), cut(y, edges))
    monkeypatch.setattr("mnistlr.on_dask.cluster.FAN_IN", 2)
    assert_same_bits(here, model.fit(on_dask(X, edges), y))


def test_data_on_the_workers_already_and_a_warm_start(client, small_mnist):
    X, y = on_dask(small_mnist.X_train).persist(), on_dask(small_mnist.y_train).persist()
    model = SoftmaxRegression(solver="lbfgs", max_iter=3, warm_start=True).fit(X, y)
    assert_same_bits(fit_in_blocks(model, *map(cut, small_mnist[:3:2])), model)
    reached = model.history_["objective"][-1]
    assert model.fit(X, y).history_["objective"][0] == reached


def test_address_of_a_scheduler(cluster, small_mnist):
    X, y = on_dask(small_mnist.X_train), small_mnist.y_train
    model = SoftmaxRegression(solver="lbfgs", max_iter=2)
    there = clone(model).fit(X, y, client=cluster.scheduler_address)
    assert_same_bits(there, model.fit(X, y))  # on a cluster for this fit: none is current here
    with pytest.raises(ValueError, match="No clients found"):
        distributed.default_client()


def test_data_frames(client, digits):
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(digits.X_train.astype(float), columns=[f"p{i}" for i in range(64)])
    labels = pd.Series(digits.y_train, name="digit")
    X, y = dd.from_pandas(frame, npartitions=3), dd.from_pandas(labels, npartitions=3)
    model = SoftmaxRegression(solver="lbfgs", max_iter=20).fit(X, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    parts, parts_y = ([column.get_partition(i).compute() for i in range(3)] for column in (X, y))
    assert_same_bits(fit_in_blocks(model, parts, parts_y), model)
    np.testing.assert_array_equal(model.predict(X).compute(), model.predict(frame))
    assert model.score(X, y) == model.score(frame, labels)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"p0": "other"}))
    with pytest.raises(ValueError, match="unknown length"):
        model.fit(X, digits.y_train)


def test_a_fitted_model_is_saved_exported_and_predicts_as_an_ordinary_one(client, small_mnist, tmp_path):
    model = SoftmaxRegression(solver="lbfgs", max_iter=3).fit(on_dask(small_mnist.X_train), small_mnist.y_train)
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert type(loaded) is mnistlr.SoftmaxRegression
    assert_same_bits(loaded, model)
    expected = loaded.predict_proba(small_mnist.X_test)
    for other in (model, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict_proba(small_mnist.X_test), expected)
    assert not [name for name, value in vars(model).items() if is_dask(value)]
    pytest.importorskip("onnx")
    assert to_onnx(model) == to_onnx(loaded)


def test_nothing_stays_on_the_cluster(client, digits):
    X, y = on_dask(digits.X_train, [0, 500, len(digits.y_train)]), digits.y_train
    SoftmaxRegression(solver="lbfgs", max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="one class") as raised:
        SoftmaxRegression(solver="lbfgs", max_iter=2).fit(X, 0 * y)
    for _ in range(100):
        left = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
        if not left:
            break
        time.sleep(0.05)
    assert not left, raised  # its traceback holds on to all that the fit had


def test_callbacks_and_progress_see_each_iteration(client, digits, capsys):
    X, y = on_dask(digits.X_train, [0, 500, len(digits.y_train)]), digits.y_train
    model = SoftmaxRegression(solver="lbfgs", max_iter=3).fit(X, y, progress=True)
    printed = capsys.readouterr()
    assert "pass 4: objective" in printed.err
    assert not printed.out
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert recorder.events.count("end iteration") == model.n_iter_ == 3
    assert not capsys.readouterr().err  # it is no terminal
