"""Model files: what goes in comes out bit for bit, and nothing else is taken for one."""

import copy
import hashlib
import io
import json
import os
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

LABELS = {
    "bool": np.array([False, True]),
    "int64": np.array([2, 7]),
    "int8": np.array([-1, 1], dtype=np.int8),
    "big endian": np.array([1, 2], dtype=">i4"),
    "uint8": np.array([0, 255], dtype=np.uint8),
    "float32": np.array([-0.0, 1.0], dtype=np.float32),
    "str": np.array(["two", "größer"]),
    "str objects": np.array(["a", "b\0\ud800"], dtype=object),
}


def fitted(classes: np.ndarray, cls: type = LogisticRegression, **parameters: Any) -> Any:
    random = np.random.default_rng(0)
    y = np.repeat(np.sort(classes), 10)
    X = random.normal(size=(len(y), 5)) + 0.1 * np.arange(len(y))[:, None]
    return cls(**{"tol": 0.1, **parameters}).fit(X, y)


@pytest.fixture
def model() -> Any:
    return fitted(np.arange(3), SoftmaxRegression, random_state=3)


def altered(model: Any, **attributes: Any) -> Any:
    twin = copy.copy(model)
    vars(twin).update(attributes)
    return twin


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype == object:
        return b.dtype == object and [(type(x), x) for x in a] == [(type(x), x) for x in b]
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("classes", LABELS.values(), ids=LABELS.keys())
def test_labels_come_back_bit_for_bit(classes: np.ndarray, tmp_path: Path) -> None:
    model = fitted(classes)
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert same_bits(loaded.classes_, model.classes_)
    X = np.random.default_rng(1).normal(size=(20, 5))
    assert same_bits(loaded.predict(X), model.predict(X))


def test_bytes_as_labels_come_back(tmp_path: Path) -> None:
    model = fitted(np.arange(2))
    model.classes_ = np.array([b"no", b"yes\xff"])  # scikit-learn's own checks refuse to fit these
    assert same_bits(load_model(save_model(model, tmp_path / "model.npz")).classes_, model.classes_)


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
    X = pandas.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["ink", "größe"])
    model = LogisticRegression().fit(X, X["ink"] > 0)
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert same_bits(loaded.feature_names_in_, model.feature_names_in_)
    loaded.predict(X)  # no warning about names


@pytest.mark.parametrize("weights", [{0: 1.5, 2: 1}, {False: 2.0}, {"a": 3.0}, "balanced"], ids=str)
def test_class_weights_come_back(weights: Any, tmp_path: Path) -> None:
    model = fitted(np.arange(2)).set_params(class_weight=weights)
    loaded = load_model(save_model(model, tmp_path / "model.npz")).class_weight
    assert loaded == weights
    assert [type(key) for key in loaded] == [type(key) for key in weights]


def test_numpy_keys_of_class_weights_become_plain(tmp_path: Path) -> None:
    model = fitted(np.arange(2)).set_params(class_weight={np.int64(1): 2.0})
    assert load_model(save_model(model, tmp_path / "model.npz")).class_weight == {1: 2.0}
    model.set_params(class_weight={(1, 2): 1.0})
    with pytest.raises(ModelFileError, match=r"cannot be stored: .*of type tuple"):
        save_model(model, tmp_path / "model.npz")


def test_model_of_partial_fit_comes_back(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = SoftmaxRegression(random_state=0).partial_fit(X, np.arange(20) % 3, classes=range(3))
    loaded = load_model(save_model(model, tmp_path / "model.npz"))
    assert same_bits(loaded.coef_, model.coef_)
    assert set(vars(loaded)) == set(vars(model)) - {"_sgd"}  # the state of the solver is not kept


def test_random_state_that_is_no_int_becomes_none(tmp_path: Path) -> None:
    model = fitted(np.arange(3), SoftmaxRegression, random_state=np.random.RandomState(0))
    assert load_model(save_model(model, tmp_path / "model.npz")).random_state is None


def test_provenance(model: Any, tmp_path: Path) -> None:
    path = save_model(model, tmp_path / "m", provenance={"data": {"name": "x"}, "accuracy": np.float64(0.5)})
    assert path == tmp_path / "m"
    found = read_model_file(path).provenance
    assert found["data"] == {"name": "x"}
    assert found["accuracy"] == 0.5
    assert found["seed"] == 3
    assert found["versions"]["numpy"] == np.__version__
    assert found["date"].endswith("+00:00")


def test_provenance_names_the_data_and_the_accuracy(model: Any, tmp_path: Path) -> None:
    X, y = np.arange(6, dtype=np.uint8).reshape(3, 2), np.array(["a", "b", "a"])

    def saved(**more: Any) -> dict[str, Any]:
        return read_model_file(save_model(model, tmp_path / "m", **more)).provenance

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


def test_numpy_opens_it_without_pickle(model: Any, tmp_path: Path) -> None:
    with np.load(save_model(model, tmp_path / "model.npz"), allow_pickle=False) as arrays:
        assert same_bits(arrays["coef"], model.coef_)
        header = json.loads(arrays["header"].tobytes())
    assert header["class"] == "SoftmaxRegression"
    assert header["format_version"] == 1


def test_what_cannot_be_saved(model: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with pytest.raises(NotFittedError):
        save_model(LogisticRegression(), path)
    with pytest.raises(TypeError, match=r"expected one of LogisticRegression, .*, got dict"):
        save_model({}, path)  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match=r"cannot be stored: .*of type set"):
        save_model(model, path, provenance={"data": {1}})
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_model(model, tmp_path / "none" / "model.npz")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        save_model(model, tmp_path)
    with pytest.raises(ModelFileError, match=r"cannot be stored: Out of range float"):
        save_model(model, path, accuracy=float("nan"))
    for name, value in (("coef_", model.coef_ * np.nan), ("classes_", np.array([2, 0, 1])), ("intercept_", [0.0])):
        with pytest.raises(ModelFileError, match=r"the model cannot be saved, since its file would be refused: it is "):
            save_model(altered(model, **{name: value}), path)
    model.classes_ = np.array([1, "a", None], dtype=object)
    with pytest.raises(ModelFileError, match="labels of type object"):
        save_model(model, path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.npz")


def test_every_truncation_is_refused(model: Any, tmp_path: Path) -> None:
    whole = save_model(model, tmp_path / "model.npz").read_bytes()
    cut = tmp_path / "cut.npz"
    for length in range(0, len(whole), 7):
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match=r"cut\.npz is "):
            load_model(cut)


def test_every_flipped_bit_is_refused_or_harmless(model: Any, tmp_path: Path) -> None:
    whole = save_model(model, tmp_path / "model.npz").read_bytes()
    flipped = tmp_path / "flipped.npz"
    random = np.random.default_rng(0)
    n_refused = 0
    for position in random.permutation(len(whole))[:1000]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << random.integers(8)
        flipped.write_bytes(damaged)
        try:
            loaded = load_model(flipped)
        except ModelFileError:
            n_refused += 1
        else:  # a flip in what zip does not use, such as a date
            assert same_bits(loaded.coef_, model.coef_)
            assert same_bits(loaded.classes_, model.classes_)
    assert n_refused > 500


def rewrite(path: Path, change: Any, **savez: Any) -> Path:
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


def not_finite(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    arrays["coef"][1, 1] = np.nan


REFUSALS = {
    "newer": (with_header(format_version=7), r"written by a newer version .* \(format 7; this one reads up to 1\)"),
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
    "nan": (not_finite, "coef is not finite"),
    "two equal labels": (with_array("classes", [0, 1, 1]), "expected at least 2 different labels"),
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
    "records": (with_array("history_step", np.zeros(1, "f8, i4")), "part 'history_step' is no array of numbers"),
    "unknown array": (with_array("extra", [1]), "no array named 'extra'"),
    "no features": (with_header(n_features_in_=0), "coef as floats of shape"),
    "iterations": (with_header(n_iter_=-1), "-1 iterations"),
    "NaN in the header": (with_header(n_iter_=float("nan")), "there is a NaN in its header"),
    "Infinity in the header": (with_header(provenance={"a": [-float("inf")]}), "there is a -Infinity in its header"),
    "weights": (with_header(parameters={"class_weight": {"pairs": [[0, -1]]}}), "expected class weights >= 0"),
    "weights of text": (with_header(parameters={"class_weight": {"pairs": [[0, "1"]]}}), "expected class weights >= 0"),
    "n_jobs": (with_header(parameters={"n_jobs": 0}), "n_jobs must be"),
    "a long lie": (with_header(**{"class": "\n\x1b[2J" * 100_000}), r"holds a '\\n\\x1b.*\.\.\.$"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_wrong_contents_are_refused(change: Any, message: str, model: Any, tmp_path: Path) -> None:
    path = rewrite(save_model(model, tmp_path / "model.npz"), change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(path)) + 310


def test_files_of_other_kinds_are_refused(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "x.npz"
    path.write_text("not a model\n")
    with pytest.raises(ModelFileError, match=r"it is not an \.npz"):
        load_model(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ModelFileError, match="without this package's header"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header", "text")
    with pytest.raises(ModelFileError, match="part 'header' is no array"):
        load_model(path)
    with pytest.raises(ModelFileError, match="is a folder"):
        load_model(tmp_path)
    with pytest.raises(ModelFileError, match="expected a plain file, but /dev/null is a pipe, a socket or a device"):
        load_model(os.devnull)


def test_sizes_beyond_the_file_are_refused(model: Any, tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, header=np.zeros(10_000_000, dtype=np.uint8))
    assert path.stat().st_size < 20_000
    with pytest.raises(ModelFileError, match="compressed, or larger than the file"):
        load_model(path)
    npy = tmp_path / "bomb.npy"
    np.save(npy, np.zeros(8))
    with zipfile.ZipFile(path, "w") as archive:  # 2^59 bytes: numpy.load would ask for them
        archive.writestr("header.npy", npy.read_bytes().replace(b"(8,), }" + b" " * 16, b"(72057594037927936,), }"))
    with pytest.raises(ModelFileError, match="should have 576460752303423488 bytes"):
        load_model(path)


def test_members_within_members_are_refused(model: Any, tmp_path: Path) -> None:
    """A member whose contents are the next member, and so on, multiplies the size of a small file."""
    path = save_model(model, tmp_path / "nested.npz")
    blob, members = b"", []
    for i in reversed(range(100)):
        npy = io.BytesIO()
        np.save(npy, np.frombuffer(blob, np.uint8))
        info = zipfile.ZipInfo(f"history_{i}.npy")
        info.file_size = info.compress_size = len(npy.getvalue())
        info.CRC = zlib.crc32(npy.getvalue())
        blob = info.FileHeader() + npy.getvalue()
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


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    path = tmp_path / "trap.npz"
    np.savez(path, header=np.array([Trap()], dtype=object))
    with pytest.raises(ModelFileError, match="part 'header' is no array"):
        load_model(path)
    assert not (tmp_path / "sprung").exists()
