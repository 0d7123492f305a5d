"""Model files: what goes in comes out bit for bit, and nothing else is taken for one."""

import copy
import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mnistlr import LogisticRegression, ModelFileError, SoftmaxRegression, load_model, save_model
from mnistlr.saving.model_file import read_model_file
from tests.helpers.hostile_models import LABELS, npy, npy_with_header

X = np.random.default_rng(0).normal(size=(30, 5))


@pytest.fixture(scope="module")
def fitted() -> SoftmaxRegression:
    return SoftmaxRegression(tol=0.1, random_state=3).fit(X, np.arange(30) % 3)


@pytest.fixture
def path(fitted: SoftmaxRegression, tmp_path: Path) -> Path:
    """A model file."""
    return save_model(fitted, tmp_path / "model.npz")


def altered(model: Any, **attributes: Any) -> Any:
    twin = copy.copy(model)
    vars(twin).update(attributes)
    return twin


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype == object:
        return b.dtype == object and [(type(x), x) for x in a] == [(type(x), x) for x in b]
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("labels", [*LABELS, np.array([b"no", b"yes\xff"])], ids=lambda labels: f"{labels.dtype}")
def test_labels_come_back_bit_for_bit(labels: np.ndarray, tmp_path: Path) -> None:
    cls = LogisticRegression if len(labels) == 2 else SoftmaxRegression
    model = cls(tol=0.1).fit(X, np.arange(30) % len(labels))
    model.classes_ = labels  # bytes, for one, scikit-learn's checks refuse to fit
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert same_bits(loaded.classes_, labels)
    assert same_bits(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("cls", [LogisticRegression, SoftmaxRegression])
@pytest.mark.filterwarnings("ignore:X holds whole numbers")
def test_model_comes_back_bit_for_bit(cls: type, dtype: type, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    X = random.integers(0, 256, (60, 12)).astype(dtype)
    y = random.integers(0, 2 if cls is LogisticRegression else 4, 60)
    model = cls(alpha=0.1, tol=0.2, random_state=np.int64(5), n_jobs=1).fit(X, y)
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert type(loaded) is cls
    assert loaded.get_params() == model.get_params()
    assert set(vars(loaded)) == set(vars(model))
    for name in ("coef_", "intercept_", "classes_"):
        assert same_bits(getattr(loaded, name), getattr(model, name)), name
    assert loaded.history_.keys() == model.history_.keys()
    for name in model.history_:
        assert same_bits(loaded.history_[name], model.history_[name]), name
    assert (loaded.n_iter_, loaded.stop_reason_) == (model.n_iter_, model.stop_reason_)
    assert loaded.n_features_in_ == 12
    assert same_bits(loaded.predict_proba(X), model.predict_proba(X))
    assert same_bits(clone(loaded).fit(X, y).coef_, model.coef_)
    loaded.coef_ += 1  # not read-only


def test_feature_names_come_back(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X[:, :2], columns=["ink", "größe"])
    model = LogisticRegression().fit(frame, frame["ink"] > 0)
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert same_bits(loaded.feature_names_in_, model.feature_names_in_)
    loaded.predict(frame)  # no warning about names


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({0: 1.5, 2: 1}, {0: 1.5, 2: 1}),
        ({False: 2.0}, {False: 2.0}),
        ({"a": 3.0}, {"a": 3.0}),
        ("balanced", "balanced"),
        ({np.int64(1): 2.0}, {1: 2.0}),
    ],
    ids=str,
)
def test_class_weights_come_back(fitted: Any, weights: Any, expected: Any, tmp_path: Path) -> None:
    loaded = load_model(save_model(altered(fitted, class_weight=weights), tmp_path / "model.npz")).class_weight
    assert loaded == expected
    assert [type(key) for key in loaded] == [type(key) for key in expected]


def test_model_of_partial_fit_comes_back(tmp_path: Path) -> None:
    model = SoftmaxRegression(random_state=0).partial_fit(X, np.arange(30) % 3, classes=range(3))
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert same_bits(loaded.coef_, model.coef_)
    assert set(vars(loaded)) == set(vars(model)) - {"_sgd"}  # the state of the solver is not kept


def test_random_state_that_is_no_int_becomes_none(fitted: Any, tmp_path: Path) -> None:
    model = altered(fitted, random_state=np.random.RandomState(0))
    assert load_model(save_model(model, tmp_path / "model.npz")).random_state is None


def test_provenance_names_the_data_the_accuracy_and_the_versions(fitted: Any, tmp_path: Path) -> None:
    X, y = np.arange(6, dtype=np.uint8).reshape(3, 2), np.array(["a", "b", "a"])

    def saved(**more: Any) -> dict[str, Any]:
        path = save_model(fitted, tmp_path / "m", **more)
        assert path == tmp_path / "m"
        return read_model_file(path).provenance

    found = saved(training_data=(X, y), accuracy=0.75)
    assert found["accuracy"] == 0.75
    sha256 = {"X": hashlib.sha256(bytes(range(6))).hexdigest(), "y": hashlib.sha256(y.tobytes()).hexdigest()}
    assert found["data"] == {"shape": [3, 2], "sha256": sha256}
    for same in ((np.asfortranarray(X), y.astype(object)), (X.repeat(2, axis=1)[:, ::2], list(y))):
        assert saved(training_data=same)["data"] == found["data"]
    sparse = [sp.csr_array(A) for A in (X, X[::-1], X.astype(float))]
    assert len({saved(training_data=(A, y))["data"]["sha256"]["X"] for A in sparse}) == 3
    found = saved()
    assert found["data"] is None
    assert found["accuracy"] is None
    found = saved(provenance={"data": {"name": "x"}, "accuracy": np.float64(0.5)})
    assert (found["data"], found["accuracy"], found["seed"]) == ({"name": "x"}, 0.5, 3)
    assert found["versions"]["numpy"] == np.__version__
    assert found["date"].endswith("+00:00")


def test_numpy_opens_it_without_pickle(fitted: Any, path: Path) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        assert same_bits(arrays["coef"], fitted.coef_)
        header = json.loads(arrays["header"].tobytes())
    assert header["class"] == "SoftmaxRegression"
    assert header["format_version"] == 1


def test_what_cannot_be_saved(fitted: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with pytest.raises(NotFittedError):
        save_model(LogisticRegression(), path)
    with pytest.raises(TypeError, match=r"expected one of LogisticRegression, .*, got dict"):
        save_model({}, path)  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match=r"cannot be stored: .*of type set"):
        save_model(fitted, path, provenance={"data": {1}})
    with pytest.raises(ModelFileError, match=r"cannot be stored: .*of type tuple"):
        save_model(altered(fitted, class_weight={(1, 2): 1.0}), path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_model(fitted, tmp_path / "none" / "model.npz")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        save_model(fitted, tmp_path)
    with pytest.raises(ModelFileError, match=r"cannot be stored: Out of range float"):
        save_model(fitted, path, accuracy=float("nan"))
    for name, value in (("coef_", fitted.coef_ * np.nan), ("classes_", np.array([2, 0, 1])), ("intercept_", [0.0])):
        with pytest.raises(ModelFileError, match=r"the model cannot be saved, since its file would be refused: it is "):
            save_model(altered(fitted, **{name: value}), path)
    with pytest.raises(ModelFileError, match="labels of type object"):
        save_model(altered(fitted, classes_=np.array([1, "a", None], dtype=object)), path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.npz")


def test_every_truncation_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match=r"model\.npz is "):
            load_model(path)


def test_every_flipped_bit_is_refused_or_harmless(fitted: Any, path: Path) -> None:
    whole, random, n_refused = path.read_bytes(), np.random.default_rng(0), 0
    for position in random.permutation(len(whole))[:1000]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = load_model(path)
        except ModelFileError:
            n_refused += 1
        else:  # a flip in what zip does not use, such as a date
            assert same_bits(loaded.coef_, fitted.coef_)
            assert same_bits(loaded.classes_, fitted.classes_)
    assert n_refused > 500


def rewrite(path: Path, change: Any) -> Path:
    """Write the arrays of a model file anew, the header as a dict, after ``change(arrays, header)``."""
    with np.load(path) as opened:
        arrays = dict(opened)
    header = json.loads(arrays["header"].tobytes())
    change(arrays, header)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, **arrays)
    return path


def with_header(**changes: Any) -> Any:
    return lambda arrays, header: header.update(changes)


def with_array(name: str, values: Any) -> Any:
    return lambda arrays, header: arrays.update({name: np.asarray(values)})


def with_labels(labels: Any) -> Any:
    def change(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        arrays["classes"] = np.asarray(labels)
        header["labels"] = {"dtype": arrays["classes"].dtype.str}

    return change


REFUSALS = {
    "version 0": (with_header(format_version=0), "expected a format version from 1"),
    "version true": (with_header(format_version=True), "expected a format version from 1"),
    "other format": (with_header(format="x"), "another header"),
    "class": (with_header(**{"class": "Perceptron"}), "holds a 'Perceptron'"),
    "class of no kind": (with_header(**{"class": ["LogisticRegression"]}), "no 'class' of type str"),
    "parameter": (with_header(parameters={"fit_prior": 1}), "no parameter 'fit_prior'"),
    "parameter's keys": (with_header(parameters={"class_weight": {"pairs": [[[1], 2]]}}), "is damaged: "),
    "parameter's pairs": (with_header(parameters={"class_weight": {"a": 1}}), "is damaged: "),
    "parameter's value": (with_header(parameters={"alpha": -1}), "alpha"),
    "provenance": (with_header(provenance=None), "no 'provenance'"),
    "n_features": (with_header(n_features_in_=6), r"expected coef as floats of shape \(3, 6\)"),
    "names": (with_header(feature_names_in_=["a"]), "expected 5 names"),
    "labels": (with_header(labels={"values": [1, 2, 3]}), "labels as a list of strings"),
    "labels twice": (with_header(labels={"values": ["a", "b", "c"]}), "as a list of strings, or else in an array"),
    "labels of another type": (with_header(labels={"dtype": "<i2"}), "and type '<i2', found '<i8'"),
    "binary class": (with_header(**{"class": "LogisticRegression"}), "has 2 classes, found 3"),
    "coef": (with_array("coef", np.zeros((2, 5))), r"expected coef as floats of shape \(3, 5\)"),
    "coef of ints": (with_array("coef", np.zeros((3, 5), dtype=int)), "expected coef as floats"),
    "intercept": (with_array("intercept", np.zeros((3, 1))), "expected intercept"),
    "nan": (with_array("coef", np.where(np.eye(3, 5), np.nan, 0)), "coef is not finite"),
    "labels of two axes": (with_array("classes", [[0, 1, 2]]), "expected its labels in an array"),
    "labels in disorder": (with_array("classes", [0, 2, 1]), r"different labels in order, found \[0, 2, 1\]"),
    "complex labels": (with_array("classes", [0j, 1j, 2j]), "part 'classes' is no array of numbers"),
    "infinite labels": (with_labels([0.0, 1.0, np.inf]), "labels are not finite"),
    "NaN label": (with_labels([0.0, 1.0, np.nan]), "different labels in order"),
    "NaT label": (with_labels(np.array([0, 1, "NaT"], "M8[s]")), "different labels in order"),
    "labels that are no text": (with_labels(np.array([0, 1, 0x110000], "u4").view("U1")), "is damaged: .*"),
    "no labels": (lambda arrays, header: arrays.pop("classes"), "expected its labels in an array"),
    "history": (with_array("history_step", ["a"]), "expected its history"),
    "objects": (with_array("history_step", np.array([None])), "part 'history_step' is no array of numbers"),
    "unknown array": (with_array("extra", [1]), "no array named 'extra'"),
    "iterations": (with_header(n_iter_=-1), "-1 iterations"),
    "NaN in the header": (with_header(n_iter_=float("nan")), "there is a NaN in its header"),
    "weights": (with_header(parameters={"class_weight": {"pairs": [[0, -1]]}}), "expected class weights >= 0"),
    "weights of text": (with_header(parameters={"class_weight": {"pairs": [[0, "1"]]}}), "expected class weights >= 0"),
    "n_jobs": (with_header(parameters={"n_jobs": 0}), "n_jobs must be"),
    "a long lie": (with_header(**{"class": "\n\x1b[2J" * 100_000}), r"holds a '\\n\\x1b.*\.\.\.$"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_wrong_contents_are_refused(change: Any, message: str, path: Path) -> None:
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(rewrite(path, change))
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(path)) + 310


def archive(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return out.getvalue()


def lie(descr: str, shape: str) -> bytes:
    """Return a file whose header says that it has more than there is; numpy.load would ask for that much memory."""
    return archive(header=npy_with_header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}", b""))


NO_MODELS = {
    "a text": (b"not a model\n", r"it is not an \.npz"),
    "another .npz": (archive(a=npy(np.zeros(3))), "without this package's header"),
    "no .npy inside": (archive(header=b"text"), "part 'header' is no array"),
    "a bomb": (archive(zipfile.ZIP_DEFLATED, header=npy(bytes(10_000_000))), "compressed, or larger than the file"),
    "2^62 bytes": (lie("<f8", "(576460752303423488,)"), "should have 4611686018427387904 bytes"),
    "2^67 bytes": (lie("<f8", "(4294967296, 4294967296)"), "should have 147573952589676412928 bytes"),
    "no bytes each": (lie("|S0", "(4294967296,)"), "should have 0 bytes"),
    "nothing of much": (lie("<f8", "(0, 4294967296, 4294967296)"), "is damaged"),
    "long text": (lie("<U1073741824", "(2,)"), "is damaged"),
}


@pytest.mark.parametrize(("contents", "message"), NO_MODELS.values(), ids=NO_MODELS)
def test_files_of_other_kinds_are_refused(contents: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(contents)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "x.npz")


def test_members_within_members_are_refused(path: Path) -> None:
    """A member whose contents are the next member, and so on, multiplies the size of a small file."""
    blob, members = b"", []
    for i in reversed(range(100)):
        contents = npy(np.frombuffer(blob, np.uint8))
        info = zipfile.ZipInfo(f"history_{i}.npy")
        info.file_size = info.compress_size = len(contents)
        info.CRC = zlib.crc32(contents)
        blob = info.FileHeader() + contents
        info.header_offset = len(blob)  # so far from the end
        members.append(info)
    with zipfile.ZipFile(path, "a") as archive:
        archive.fp.seek(archive.start_dir)
        archive.fp.write(blob)
        archive.start_dir += len(blob)
        for info in members:
            info.header_offset = archive.start_dir - info.header_offset
            archive.filelist.append(info)
        archive._didModify = True
    assert sum(info.file_size for info in members) > 20 * path.stat().st_size
    with pytest.raises(ModelFileError, match=r"larger than the file|[Oo]verlap"):  # newer versions of Python refuse too
        load_model(path)
