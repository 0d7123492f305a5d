"""Fits on Dask have the same bits as those without it, whatever the workers; data and errors stay block-wise."""

import itertools
import pickle
import subprocess
import sys
import time

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import mnistlr.on_dask
from mnistlr import LogisticRegression, SoftmaxRegression, confusion_matrix, load_model, write_idx
from mnistlr._support.foreign import is_dask
from mnistlr.exceptions import ArgumentError, ClusterError, DataFormatError, DivergenceError, MissingExtraError
from mnistlr.objective import Objective
from mnistlr.on_dask.blocked_objective import LocalRunner
from mnistlr.on_dask.fitting import objective_in_blocks
from mnistlr.on_dask.tree import add_node, merge, total
from mnistlr.on_dask.worker import MappedArray, check, weight_sums
from mnistlr.samples import Samples

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
from distributed import Client, LocalCluster  # noqa: E402

from mnistlr.on_dask import fit, fit_in_blocks, open_array, open_folder  # noqa: E402
from mnistlr.on_dask.cluster import ClusterRunner  # noqa: E402
from mnistlr.on_dask.loading import delayed_blocks, load  # noqa: E402

EDGES = [0, 700, 700, 2300, 4000]  # blocks of unequal size, one of them empty
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning"),  # these data come from this process
    pytest.mark.filterwarnings("ignore:Couldn't detect a suitable IP address:RuntimeWarning"),  # for want of a network
]


@pytest.fixture(scope="module")
def cluster():
    """Three workers in this process."""
    with LocalCluster(n_workers=3, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        yield client


def cut(array, edges=EDGES):
    return [array[start:stop] for start, stop in itertools.pairwise(edges)]


def on_dask(array, edges=EDGES):
    if sp.issparse(array):
        return on_dask(array.toarray(), edges).map_blocks(sp.csr_matrix)
    return da.from_array(array, chunks=(tuple(np.diff(edges)), *(-1,) * (array.ndim - 1)))


def assert_same_bits(one, other):
    assert type(one) is type(other)
    for name in ("classes_", "coef_", "intercept_", "n_iter_", "n_features_in_", "stop_reason_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
    for name in one.history_:
        if name != "seconds":
            np.testing.assert_array_equal(one.history_[name], other.history_[name])


# The tree


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 64, 100])
def test_sums_do_not_depend_on_who_adds_what(n):
    random = np.random.default_rng(n)
    vectors = random.standard_normal((n, 3)) * 10.0 ** random.integers(-8, 8, (n, 1))
    expected = None
    for workers in (1, 2, 3, 7):
        owner = random.integers(workers, size=n)
        parts = []
        for worker in range(workers):
            parts.append({})
            for block in random.permutation(np.flatnonzero(owner == worker)):
                add_node(parts[-1], 0, int(block), vectors[block], n)
        random.shuffle(parts)
        sums = total(merge(parts, n))
        expected = sums if expected is None else expected
        np.testing.assert_array_equal(sums, expected)
    np.testing.assert_allclose(expected, vectors.sum(axis=0), rtol=1e-12, atol=1e-12 * abs(vectors).max())


def test_neighbouring_blocks_make_few_nodes():
    nodes = {}
    for block in range(37, 900):
        add_node(nodes, 0, block, np.ones(1), 1024)
    assert len(nodes) <= 2 * 10
    assert sum(int(vector[0]) for vector in nodes.values()) == 900 - 37


# The objective


@pytest.mark.parametrize("is_sparse", [False, True])
def test_the_objective_is_that_of_all_samples(small_mnist, is_sparse):
    X, y = small_mnist.X_train, small_mnist.y_train.astype(np.int32)
    X = sp.csr_matrix(X / 255.0) if is_sparse else X
    random = np.random.default_rng(0)
    weight = random.random(len(y)) * (random.random(len(y)) < 0.9)
    model = SoftmaxRegression(alpha=0.1)
    parts = zip(cut(X), cut(y), cut(weight), strict=True)
    runner = LocalRunner([check(i, *part, SoftmaxRegression()) for i, part in enumerate(parts)], 1)
    blocked, _ = objective_in_blocks(model, X, runner)
    whole = Objective(Samples.of(X), y, 10, alpha=0.1, sample_weight=weight)
    theta, vector = random.standard_normal((2, whole.n_parameters)) / 10
    rtol = 1e-5 if not is_sparse else 1e-10
    assert blocked.value(theta) == pytest.approx(whole.value(theta), rel=rtol)
    for one, other in (
        (blocked.value_and_gradient(theta)[1], whole.value_and_gradient(theta)[1]),
        (blocked.hessian_vector(theta, vector), whole.hessian_vector(theta, vector)),
    ):
        np.testing.assert_allclose(one, other, atol=rtol * abs(other).max())
    for stride in (1, 3, 700, 1234):  # the very same samples
        for one, other in zip(blocked.every(stride), whole.every(stride), strict=True):
            if isinstance(one, Samples):
                one, other = ((samples.X if is_sparse else [samples.X]) for samples in (one, other))
            else:
                one, other = [one], [other]
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
    assert blocked.n_counted == whole.n_counted
    assert blocked.unevenness == pytest.approx(whole.unevenness, rel=1e-12)
    np.testing.assert_array_equal(blocked.samples.peaks(), whole.samples.peaks())
    np.testing.assert_array_equal(blocked.y, y)


# Fitting


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
    here = fit_in_blocks(clone(model), cut(X, edges), cut(y, edges))
    there = clone(model).fit(on_dask(X, edges), y)
    assert_same_bits(here, there)
    whole = clone(model).fit(X, y)
    assert_same_bits(whole, fit_in_blocks(clone(model), [X], [y]))
    if solver != "sgd":  # another order of the sums, but the same function
        np.testing.assert_allclose(there.history_["objective"], whole.history_["objective"], rtol=1e-5)


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_weights_and_early_stopping(client, small_mnist, solver):
    X, y = small_mnist.X_train, small_mnist.y_train
    weight = np.random.default_rng(0).random(len(y))
    weight[:700] = 0  # the whole of a block
    model = SoftmaxRegression(
        solver=solver, max_iter=5, random_state=0, class_weight="balanced", early_stopping=True, fit_intercept=False
    )
    here = fit_in_blocks(clone(model), cut(X), cut(y), cut(weight))
    there = clone(model).fit(on_dask(X), on_dask(y), sample_weight=on_dask(weight))
    assert_same_bits(here, there)
    assert ("validation_loss" in there.history_) == (solver == "sgd")
    whole = clone(model).fit(X, y, weight)
    assert_same_bits(whole, fit_in_blocks(clone(model), [X], [y], [weight]))
    assert_same_bits(there, clone(model).fit(on_dask(X), y, weight))  # weights and labels from this process


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("factor", [2.0**-670, 2.0**-1060, 2.0**1019])
def test_only_the_proportions_of_weights_count(digits, solver, class_weight, factor):
    """Be they so small that their squares vanish, or so large that their sum is infinite; not a bit differs."""
    edges = [0, 100, 800, len(digits.y_train)]
    X, y = cut(digits.X_train, edges), cut(digits.y_train, edges)
    weight = np.random.default_rng(0).integers(1, 9, len(digits.y_train)).astype(float)
    weight[:100], weight[100:800] = 0, weight[100:800] / 8
    model = SoftmaxRegression(solver=solver, class_weight=class_weight, max_iter=5, random_state=0)
    expected = fit_in_blocks(clone(model), X, y, cut(weight, edges))
    assert_same_bits(fit_in_blocks(model, X, y, cut(weight * factor, edges)), expected)


def test_class_weights_by_name(client, digits):
    X, y = digits.X_train, np.array([f"digit {label}" for label in digits.y_train])
    model = SoftmaxRegression(solver="lbfgs", class_weight={"digit 3": 5.0}, alpha=0.1)
    there = clone(model).fit(on_dask(X, [0, 500, len(y)]), on_dask(y, [0, 500, len(y)]))
    whole = clone(model).fit(X, y)
    assert list(there.classes_) == list(whole.classes_)
    np.testing.assert_allclose(there.coef_, whole.coef_, atol=1e-4 / model.alpha)  # both gradients are under tol


def test_warm_start_goes_on(client, small_mnist):
    X, y = on_dask(small_mnist.X_train), small_mnist.y_train
    model = SoftmaxRegression(solver="lbfgs", warm_start=True, max_iter=3).fit(X, y)
    reached = model.history_["objective"][-1]
    assert model.fit(X, y).history_["objective"][0] == reached


def test_many_workers_merge_on_the_way(client, small_mnist, monkeypatch):
    """More workers than answer directly: sums are merged on workers, weights handed on; the same bits."""
    X, y = small_mnist.X_train, small_mnist.y_train
    edges = list(range(0, len(y) + 1, 250))
    model = SoftmaxRegression(solver="newton", max_iter=2)
    here = fit_in_blocks(clone(model), cut(X, edges), cut(y, edges))
    monkeypatch.setattr("mnistlr.on_dask.cluster.FAN_IN", 2)
    assert_same_bits(here, clone(model).fit(on_dask(X, edges), y))


def test_data_on_the_workers_already(client, small_mnist):
    X, y = on_dask(small_mnist.X_train).persist(), on_dask(small_mnist.y_train).persist()
    model = SoftmaxRegression(solver="lbfgs", max_iter=3)
    assert_same_bits(fit_in_blocks(clone(model), *map(cut, small_mnist[:3:2])), clone(model).fit(X, y))


def test_address_of_a_scheduler(cluster, small_mnist):
    X, y = on_dask(small_mnist.X_train), small_mnist.y_train
    model = SoftmaxRegression(solver="lbfgs", max_iter=2)
    there = fit(clone(model), X, y, client=cluster.scheduler_address)
    assert_same_bits(there, clone(model).fit(X, y))  # on a cluster for this fit: none is current here
    with pytest.raises(ValueError, match="No clients found"):
        distributed.default_client()


def test_the_result_is_an_ordinary_estimator(client, small_mnist, tmp_path):
    model = SoftmaxRegression(solver="lbfgs", max_iter=3).fit(on_dask(small_mnist.X_train), small_mnist.y_train)
    loaded = load_model(model.save(tmp_path / "model.npz") or tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(small_mnist.X_test), model.predict(small_mnist.X_test))
    assert not [name for name, value in vars(model).items() if is_dask(value)]
    assert pickle.loads(pickle.dumps(model)).score(small_mnist.X_test, small_mnist.y_test) > 0.8


def test_nothing_imports_dask():
    code = (
        "import sys, numpy as np, mnistlr\n"
        "from mnistlr.on_dask import fit_in_blocks\n"
        "X, y = np.arange(80.0).reshape(40, 2) % 7, np.arange(40) % 2\n"
        "model = fit_in_blocks(mnistlr.LogisticRegression(), [X[:9], X[9:]], [y[:9], y[9:]])\n"
        "mnistlr.confusion_matrix(y, model.predict(X)), model.score(X, y)\n"
        "assert not {'dask', 'distributed'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_dask_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    for name in [name for name in sys.modules if name.startswith("mnistlr.on_dask.loading")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"pip install 'mnistlr\[dask\]'"):
        mnistlr.on_dask.open_array("images.npy")


# Frames


def test_data_frames(client, digits):
    pd = pytest.importorskip("pandas")
    dd = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(digits.X_train.astype(float), columns=[f"p{i}" for i in range(64)])
    labels = pd.Series(digits.y_train, name="digit")
    X, y = dd.from_pandas(frame, npartitions=3), dd.from_pandas(labels, npartitions=3)
    model = SoftmaxRegression(solver="lbfgs", max_iter=20).fit(X, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    parts = [X.get_partition(i).compute() for i in range(3)]
    parts_y = [y.get_partition(i).compute() for i in range(3)]
    assert_same_bits(fit_in_blocks(SoftmaxRegression(solver="lbfgs", max_iter=20), parts, parts_y), model)
    np.testing.assert_array_equal(model.predict(X).compute(), model.predict(frame))
    assert model.score(X, y) == model.score(frame, labels)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"p0": "other"}))
    with pytest.raises(ArgumentError, match="unknown length"):
        model.fit(X, digits.y_train)


# Predicting


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
@pytest.mark.parametrize("binary", [True, False])
def test_predictions_are_lazy_and_those_of_the_blocks(small_mnist, method, binary):
    X, y = small_mnist.X_train, small_mnist.y_train
    model = LogisticRegression(max_iter=3).fit(X, y == 2) if binary else SoftmaxRegression(max_iter=1).fit(X, y)
    calls = []

    def read(block):
        calls.append(len(block))
        return block

    lazy = on_dask(X).rechunk({1: 392}).map_blocks(read, dtype=X.dtype, meta=X[:0])
    lazy = getattr(model, method)(lazy)
    assert not calls
    expected = getattr(model, method)(X)
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected, strict=True)
    assert sum(calls) == 2 * len(X)  # in halves of the features


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_predictions_and_score_of_sparse_blocks(digits, method):
    X, y = sp.csr_matrix(digits.X_train[:300] / 16.0), digits.y_train[:300]
    edges = [0, 100, 100, 300]
    model = SoftmaxRegression(max_iter=2, random_state=0).fit(X, y)
    found = getattr(model, method)(on_dask(X, edges)).compute(scheduler="sync")
    np.testing.assert_array_equal(found, getattr(model, method)(X), strict=True)
    assert model.score(on_dask(X, edges), on_dask(y, edges)) == model.score(X, y)


@pytest.mark.parametrize("weighted", [False, True])
def test_score(client, small_mnist, weighted):
    X, y = small_mnist.X_train, small_mnist.y_train
    model = SoftmaxRegression(max_iter=1, random_state=0).fit(X, y)
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    found = model.score(on_dask(X), on_dask(y), None if weight is None else on_dask(weight))
    assert found == pytest.approx(model.score(X, y, weight), rel=1e-12)


def test_score_refuses_what_it_refuses_on_one_machine(client, digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    model = SoftmaxRegression(max_iter=1, random_state=0).fit(X, y)
    edges = [0, 100, 100, 300]
    some = np.r_[np.zeros(100), np.ones(200)]
    assert model.score(on_dask(X, edges), y, on_dask(some, edges)) == model.score(X, y, some)
    signed = np.r_[-np.ones(30), np.ones(270)]
    assert model.score(on_dask(X, edges), y, signed) == pytest.approx(model.score(X, y, signed), rel=1e-12)
    cases = [
        (X, y, np.zeros(300), "sums to zero"),
        (X, y, np.where(np.arange(300) == 150, np.nan, 1.0), "Block 2: .*finite"),
        (X, y.astype(str), None, "Block [02]: .*strings"),
        (X, y + 0.5, None, "Block [02]: .*continuous"),
        (X, np.c_[y, y], None, "Block [02]: "),
        (X[:0], y[:0], None, "no samples"),
    ]
    for *data, message in cases:
        with pytest.raises(ValueError):  # noqa: PT011
            model.score(*data)
        lazy = [None if part is None else on_dask(part, edges if len(part) else [0, 0]) for part in data]
        with pytest.raises(ArgumentError, match=message):
            model.score(*lazy)
    with pytest.raises(NotFittedError):
        SoftmaxRegression().score(on_dask(X, edges), y)


@pytest.mark.parametrize("labels", [None, [3, 1, 4]])
@pytest.mark.parametrize("weight", [None, int, float])
@pytest.mark.parametrize("normalize", [None, "true"])
@pytest.mark.filterwarnings("ignore:.*are not counted")
def test_confusion_matrix(labels, weight, normalize, monkeypatch):
    random = np.random.default_rng(0)
    true, pred = random.integers(0, 10, (2, EDGES[-1]))
    weights = None if weight is None else (random.random(len(true)) * 9).astype(weight)
    sizes = []
    compute = dask.compute

    def computed(*things):
        results = compute(*things)
        sizes.extend(max(part.size for part in block) for block in results if block)
        return results

    monkeypatch.setattr("mnistlr.on_dask.predicting.dask.compute", computed)
    lazy_weights = None if weights is None else on_dask(weights)
    more = {"labels": labels, "normalize": normalize}
    found = confusion_matrix(on_dask(true), on_dask(pred), sample_weight=lazy_weights, **more)
    expected = confusion_matrix(true, pred, sample_weight=weights, **more)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0 if weight is not float and normalize is None else 1e-12)
    assert max(sizes) <= 100  # pairs of labels came here, and no samples
    np.testing.assert_array_equal(confusion_matrix(true, on_dask(pred), sample_weight=weights, **more), found)


def test_confusion_matrix_of_strings_and_what_it_warns_of():
    true, pred = np.array(["b", "a", "c", "a"]), np.array(["a", "a", "c", "b"])
    edges = [0, 3, 3, 4]
    np.testing.assert_array_equal(
        confusion_matrix(on_dask(true, edges), on_dask(pred, edges)), confusion_matrix(true, pred)
    )
    with pytest.warns(UserWarning, match="2 of 4 samples"):
        confusion_matrix(on_dask(true, edges), on_dask(pred, edges), labels=["a", "c"])
    with pytest.raises(ArgumentError, match="Block 2: `y_true` is continuous"):
        confusion_matrix(on_dask(np.array([1.0, 2.0, 3.0, 0.5]), edges), on_dask(np.ones(4), edges))
    with pytest.raises(ArgumentError, match="empty"):
        confusion_matrix(on_dask(true[:0], [0, 0]), on_dask(pred[:0], [0, 0]))


# Opening


@pytest.mark.parametrize("kind", ["npy", "idx", "zarr"])
def test_open_array(tmp_path, digits, kind):
    images = digits.X_train[:1000].reshape(-1, 8, 8)
    path = tmp_path / f"images.{kind}"
    if kind == "npy":
        np.save(path, images)
    elif kind == "idx":
        write_idx(path, images)
    else:
        zarr = pytest.importorskip("zarr")
        zarr.create_array(str(path), shape=images.shape, chunks=(150, 8, 4), dtype=images.dtype)[:] = images
    array = open_array(path, rows=400)
    assert array.chunks == (((400, 400, 200) if kind != "zarr" else (450, 450, 100)), (64,))
    np.testing.assert_array_equal(array.compute(), digits.X_train[:1000], strict=True)
    np.testing.assert_array_equal(array[37:901:3].compute(), digits.X_train[37:901:3])
    assert open_array(path).numblocks == (1, 1)
    if kind != "zarr":
        block = array[50:350].to_delayed()[0, 0].compute()
        mapped = MappedArray.of(block)
        assert mapped.path == str(path)
        np.testing.assert_array_equal(mapped.open(), digits.X_train[50:350])
        assert MappedArray.of(block[:, :5]) is None
        assert MappedArray.of(np.array(block)) is None


def test_open_folder(tmp_path, small_mnist):
    pairs = (("train", small_mnist.X_train, small_mnist.y_train), ("t10k", small_mnist.X_test, small_mnist.y_test))
    for part, X, y in pairs:
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", X.reshape(-1, 28, 28))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", y.astype(np.uint8))
    X_train, X_test, y_train, y_test = open_folder(tmp_path, rows=700)
    assert X_train.chunks[0] == y_train.chunks[0] == (700,) * 5 + (500,)
    for lazy, array in zip((X_train, X_test, y_train, y_test), small_mnist, strict=False):
        np.testing.assert_array_equal(lazy.compute(), array)
    model = SoftmaxRegression(solver="lbfgs", max_iter=2)
    edges = [*range(0, 4000, 700), 4000]
    here = fit_in_blocks(
        clone(model), cut(small_mnist.X_train, edges), cut(small_mnist.y_train.astype(np.uint8), edges)
    )
    assert_same_bits(here, clone(model).fit(X_train, y_train))
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    write_idx(tmp_path / "train-labels-idx1-ubyte", small_mnist.y_train[1:].astype(np.uint8))
    with pytest.raises(DataFormatError, match="a label for each"):
        open_folder(tmp_path)


def test_only_the_name_of_a_file_goes_to_a_fit(tmp_path, digits):
    """Blocks of files are opened where they are used: what tasks hand on is small."""
    np.save(tmp_path / "X.npy", digits.X_train)
    X = open_array(tmp_path / "X.npy", rows=400)
    blocks = dask.compute(*delayed_blocks(X, digits.y_train).X, scheduler="sync")
    assert all(isinstance(block, MappedArray) for block in blocks)
    in_memory = dask.compute(*delayed_blocks(X * 2, digits.y_train).X, scheduler="sync")
    assert all(isinstance(block, np.ndarray) for block in in_memory)
    keys = {key for key in delayed_blocks(X, digits.y_train).X[0].dask if "mnistlr" in str(key)}
    assert not keys, "reading and naming are one task"


@pytest.mark.parametrize(("n", "rows"), [(1000, 1000), (20_000, 10_699), (1_000_000, 62_500), (8_000_000, 85_598)])
def test_default_blocks_are_a_sixteenth_of_8_to_64_megabytes(tmp_path, n, rows):
    with open(tmp_path / "images.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (n, 784)})
        file.truncate(file.tell() + n * 784)  # takes no place on the disk
    assert open_array(tmp_path / "images.npy").chunksize == (rows, 784)


@pytest.mark.parametrize("held", [True, False])
def test_files_stay_mapped_if_they_take_little_of_a_workers_memory(client, tmp_path, digits, monkeypatch, held):
    X, y = digits.X_train[:1200], digits.y_train[:1200]
    np.save(tmp_path / "X.npy", X)
    parts = delayed_blocks(open_array(tmp_path / "X.npy", rows=400), y)
    runner = ClusterRunner(client, load(client, parts, SoftmaxRegression()))
    objective, _ = objective_in_blocks(SoftmaxRegression(), X, runner)
    limits = client.run(lambda dask_worker: dask_worker.memory_manager.memory_limit)
    a_block = X.nbytes / 3 / min(limits.values())
    monkeypatch.setattr("mnistlr.on_dask.cluster.HELD", a_block * (1.01 if held else 0.99))
    objective.value(np.zeros(objective.n_parameters))
    open_twice = client.map(lambda block: block.open() is block.open(), objective.runner.blocks, pure=False)
    assert client.gather(open_twice) == [held] * 3


def test_a_held_block_travels_as_a_name(tmp_path, digits):
    np.save(tmp_path / "X.npy", digits.X_train)
    block = check(0, np.load(tmp_path / "X.npy", mmap_mode="r"), digits.y_train, None, SoftmaxRegression())
    for held in (True, False):
        block.hold(held)
        assert (block.open() is block.open()) == held
        copied = pickle.loads(pickle.dumps(block))
        assert copied.open() is not copied.open()
        np.testing.assert_array_equal(copied.open(), digits.X_train)


def test_what_cannot_be_opened(tmp_path):
    pytest.importorskip("zarr")
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.ones((3, 4))))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    write_idx(tmp_path / "packed.gz", np.ones((3, 4)))
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("fortran.npy", "in Fortran order"),
        ("objects.npy", "expected a .npy file"),
        ("packed.gz", "gzipped"),
        ("folder", "expected a Zarr array"),
    ):
        with pytest.raises(DataFormatError, match=message):
            open_array(tmp_path / name)


# Errors


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


def test_errors_of_the_estimator_itself(client, digits):
    X, y = on_dask(digits.X_train[:300] * 1e200, [0, 100, 300]), digits.y_train[:300]
    with pytest.raises(DivergenceError):
        SoftmaxRegression(solver="gd").fit(X, y)
    with pytest.raises(NotFittedError):
        SoftmaxRegression().predict(X)


def test_partial_fit_says_what_to_do_instead(digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    model = SoftmaxRegression().partial_fit(X, y, classes=range(10))
    before = dict(vars(model))
    for data in ((on_dask(X, [0, 300]), y), (X, on_dask(y, [0, 300])), (X, y, None, on_dask(y, [0, 300]))):
        with pytest.raises(ArgumentError, match=r"partial_fit takes a piece that is in this process.*solver='sgd'"):
            model.partial_fit(*data)
    assert vars(model) == before


@pytest.mark.filterwarnings("always::sklearn.exceptions.ConvergenceWarning")
def test_a_warning_names_the_line_that_fits(client, digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    model, lazy = SoftmaxRegression(solver="lbfgs", max_iter=1), on_dask(X, [0, 100, 300])
    for call in (
        lambda: model.fit(X, y),
        lambda: model.fit(lazy, y),
        lambda: fit(model, lazy, y),
        lambda: fit_in_blocks(model, [X], [y]),
    ):
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
            fit(SoftmaxRegression(), da.from_array(digits.X_train), digits.y_train, client=client)
        with pytest.raises(ClusterError, match=r"no workers after 0\.05 s"):
            ClusterRunner(client, [], is_mapped=True).add_up(weight_sums)


def test_progress_goes_to_stderr(client, digits, capsys):
    X, y = on_dask(digits.X_train, [0, 500, len(digits.y_train)]), digits.y_train
    fit(SoftmaxRegression(solver="lbfgs", max_iter=2), X, y, progress=True)
    printed = capsys.readouterr()
    assert "pass 3: objective" in printed.err
    assert not printed.out
    fit(SoftmaxRegression(solver="lbfgs", max_iter=2), X, y)  # no terminal
    assert not capsys.readouterr().err


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


def test_callbacks_see_each_iteration(client, digits):
    pytest.importorskip("sklearn.callback")
    seen = []

    class Watcher:
        """Notes the coefficients that it is shown."""

        def setup(self, *args, **kwargs):
            """Nothing to prepare."""

        def teardown(self, *args, **kwargs):
            """Nothing to end."""

        def on_fit_task_begin(self, estimator, context, **kwargs):
            """Nothing to note."""

        def on_fit_task_end(self, estimator, context, **kwargs):
            seen.append(context.task_name)

    X, y = on_dask(digits.X_train, [0, 500, len(digits.y_train)]), digits.y_train
    model = SoftmaxRegression(solver="lbfgs", max_iter=3)
    model.set_callbacks(Watcher()).fit(X, y)
    assert seen.count("iteration") == model.n_iter_ == 3
