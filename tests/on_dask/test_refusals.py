"""What does not fit is refused in a sentence that names the block, and the model stays as it was."""

import importlib
import itertools
import sys

import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import mnistlr
from mnistlr.exceptions import ArgumentError, ClusterError, MissingExtraError
from mnistlr.on_dask import LogisticRegression, SoftmaxRegression
from mnistlr.on_dask.cluster import ClusterRunner
from mnistlr.on_dask.worker import weight_sums
from tests.helpers.blocks import MARKS, on_dask

pytestmark = MARKS


@pytest.mark.parametrize("name", ["LogisticRegression", "SoftmaxRegression"])
def test_ordinary_models_name_the_other_import(digits, name):
    X, y, weight = digits.X_train[:300], digits.y_train[:300] == 2, np.ones(300)
    lazy_X, lazy_y, lazy_weight = (on_dask(column, [0, 300]) for column in (X, y, weight))
    model = getattr(mnistlr, name)(solver="sgd", random_state=0).fit(X, y)
    before = dict(vars(model))
    sets = [("X", lazy_X, y, None), ("y", X, lazy_y, None), ("sample_weight", X, y, lazy_weight)]
    calls = [
        (argument, lambda method=method, data=data: getattr(model, method)(*data[:2], **{"sample_weight": data[2]}))
        for method, (argument, *data) in itertools.product(("fit", "partial_fit", "score"), sets)
    ]
    methods = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    calls += [("X", lambda method=method: getattr(model, method)(lazy_X)) for method in methods]
    for argument, call in calls:
        with pytest.raises(ArgumentError, match=f"^{argument} is on Dask.*`from mnistlr.on_dask import {name}`"):
            call()
    assert vars(model) == before


def test_the_ordinary_confusion_matrix_names_the_other_import(digits):
    y, weight = digits.y_train[:300], np.ones(300)
    lazy_y, lazy_weight = on_dask(y, [0, 300]), on_dask(weight, [0, 300])
    for argument, *labels, weights in (
        ("y_true", lazy_y, y, None),
        ("y_pred", y, lazy_y, None),
        ("sample_weight", y, y, lazy_weight),
    ):
        with pytest.raises(ArgumentError, match=f"^{argument} is on Dask.*`from mnistlr.on_dask import confusion_matr"):
            mnistlr.confusion_matrix(*labels, sample_weight=weights)
    with pytest.raises(ArgumentError, match=r"^y_true is on Dask"):
        mnistlr.ClassificationSummary.from_predictions(lazy_y, lazy_y)


def test_only_a_part_of_the_data_on_dask(digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    model = SoftmaxRegression(random_state=0).partial_fit(X, y, classes=range(10))
    before = dict(vars(model))
    for method in (model.fit, model.score):
        with pytest.raises(ArgumentError, match=r"^y is on Dask, but X is in this process"):
            method(X, on_dask(y, [0, 300]))
    for data in ((on_dask(X, [0, 300]), y), (X, on_dask(y, [0, 300])), (X, y, None, on_dask(y, [0, 300]))):
        with pytest.raises(ArgumentError, match=r"partial_fit takes a piece that is in this process.*solver='sgd'"):
            model.partial_fit(*data)
    assert vars(model) == before


def test_without_dask_installed(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("mnistlr.on_dask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mnistlr\[dask\]'"):
        importlib.import_module("mnistlr.on_dask")


def test_a_block_with_nan_is_named(client, digits):
    X = digits.X_train[:300] / 16
    X[220, 5] = np.nan
    lazy = on_dask(X, [0, 100, 200, 300])
    model = SoftmaxRegression(solver="lbfgs")
    with pytest.raises(ValueError, match=r"Block 2 of 3: Input X contains NaN"):
        model.fit(lazy, digits.y_train[:300])
    assert not hasattr(model, "n_features_in_")
    model.fit(lazy[:200], digits.y_train[:200])
    before = dict(vars(model))
    with pytest.raises(ValueError, match=r"Block 2: Input X contains NaN"):
        model.predict(lazy).compute()
    with pytest.raises(ValueError, match=r"Block 2: Input X contains NaN"):
        model.score(lazy, digits.y_train[:300])
    weight = np.r_[np.ones(150), np.full(50, np.nan)]
    with pytest.raises(ValueError, match=r"Block 1 of 2: .*NaN"):
        model.fit(lazy[:200], digits.y_train[:200], on_dask(weight, [0, 100, 200]))
    assert vars(model) == before


def test_blocks_that_do_not_fit_together(client, digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    edges = [0, 100, 300]
    model = SoftmaxRegression(solver="lbfgs")
    mixed = da.concatenate([on_dask(X[:100], [0, 100]), on_dask(X[100:], [0, 200])])
    mixed = mixed.map_blocks(lambda X, block_id: X * 0.5 if block_id[0] else X, dtype=X.dtype)
    cases = [
        (lambda: model.fit(mixed, y), "Block 1 of 2 has 64 features of float64 .* block 0 has 64 features of uint8"),
        (lambda: model.fit(on_dask(X, edges), y[1:]), "300 samples in X, but 299 entries in y"),
        (lambda: model.fit(on_dask(X, edges), on_dask(y[1:], [0, 299])), "300 samples in X, but 299 entries in y"),
        (lambda: model.fit(on_dask(X, edges), 0 * y), "only one class"),
        (lambda: model.fit(on_dask(X[:0], [0, 0]), y[:0]), "Found no samples in the 1 block"),
        (lambda: model.fit(on_dask(X, edges), y, np.zeros(300)), "must be positive"),
        (lambda: clone(model).set_params(solver="svrg").fit(on_dask(X, edges), y), "'svrg' does not work"),
        (lambda: model.fit(on_dask(X, edges)[:, 0], y), "2 axes"),
        (lambda: LogisticRegression().fit(on_dask(X, edges), y), "Only binary"),
        (lambda: SoftmaxRegression(solver="gd").fit(on_dask(X * 1e200, edges), y), "expected finite numbers"),
        (lambda: SoftmaxRegression().predict(on_dask(X, edges)), "not fitted"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
    model.fit(on_dask(X, edges), y)
    with pytest.raises(ArgumentError, match="expecting 64 features"):
        model.predict(on_dask(X[:, 1:], edges))
    unknown = on_dask(X, edges)[on_dask(y < 5, edges)]  # lengths of blocks that nobody knows yet
    labels = on_dask(y, edges)[on_dask(y < 5, edges)]
    few = clone(model).fit(unknown, labels)
    assert few.predict(unknown).compute().shape == (np.count_nonzero(y < 5),)
    with pytest.raises(ArgumentError, match="as many, of the same lengths"):
        model.fit(unknown, on_dask(y, [0, 300]))
    with pytest.raises(ArgumentError, match="Block 0 of 2: there are"):
        model.fit(unknown, on_dask(y, edges))


@pytest.mark.filterwarnings("always::sklearn.exceptions.ConvergenceWarning")
def test_a_warning_names_the_line_that_fits(client, digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    model, lazy = SoftmaxRegression(solver="lbfgs", max_iter=1), on_dask(X, [0, 100, 300])
    for call in (lambda: model.fit(X, y), lambda: model.fit(lazy, y)):
        with pytest.warns(ConvergenceWarning) as warned:
            call()
        (warning,) = warned
        assert (warning.filename, warning.lineno) == (__file__, call.__code__.co_firstlineno)


def test_a_cluster_without_workers(digits, monkeypatch):
    """At the start of a fit, and in the middle of it, when the last worker has gone."""
    monkeypatch.setattr("mnistlr.on_dask.cluster.WAIT", 0.05)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as empty,
        Client(empty, set_as_default=False) as client,
    ):
        with pytest.raises(ClusterError, match=r"no workers after 0\.05 s"):
            SoftmaxRegression().fit(da.from_array(digits.X_train), digits.y_train, client=client)
        with pytest.raises(ClusterError, match=r"no workers after 0\.05 s"):
            ClusterRunner(client, [], is_mapped=True).add_up(weight_sums)
