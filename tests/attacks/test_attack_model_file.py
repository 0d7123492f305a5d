"""Damaged and hostile model files: each gives a model that works or is refused by name, in bounded memory."""

import hashlib
import json
import random
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnistlr.exceptions
from mnistlr import (
    DigitReader,
    LogisticRegression,
    MnistlrError,
    ModelFileError,
    SoftmaxRegression,
    load_digits,
    load_model,
    save_model,
)
from mnistlr.saving.model_file import read_model_file
from tests.conftest import Attack
from tests.helpers.hostile_models import (
    N_FEATURES,
    Members,
    all_kinds_of_files,
    mutate,
    parse,
    with_text,
    zipped,
)
from tests.helpers.mutations import assert_refuses_what_is_no_file


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> list[Members]:
    return all_kinds_of_files(tmp_path_factory.mktemp("starts"))


X_SOME = np.random.default_rng(1).normal(size=(4, N_FEATURES))


def assert_works(model: Any, path: Path) -> None:
    n_classes = len(model.classes_)
    linear = model.classifier_ if type(model) is DigitReader else model
    assert type(model) in (LogisticRegression, SoftmaxRegression, DigitReader)
    assert n_classes == 2 or (n_classes > 2 and type(model) is not LogisticRegression)
    assert np.array_equal(np.unique(model.classes_), model.classes_)
    assert linear.coef_.shape == (1 if n_classes == 2 else n_classes, linear.n_features_in_)
    assert linear.intercept_.shape == (len(linear.coef_),)
    assert np.isfinite(linear.coef_).all()
    assert np.isfinite(linear.intercept_).all()
    assert linear.coef_.flags.writeable
    assert linear.coef_.flags.c_contiguous
    type(model)(**model.get_params())._validate_params()
    if model.n_features_in_ == N_FEATURES and not hasattr(model, "feature_names_in_"):
        with np.errstate(all="ignore"):
            assert np.isin(model.predict(X_SOME), model.classes_).all()
    # What was loaded can be saved, and loaded again.
    saved = load_model(save_model(model, path.with_name("again")))
    again = saved.classifier_ if type(model) is DigitReader else saved
    for name in ("coef_", "intercept_", "classes_"):
        old, new = getattr(linear, name), getattr(again, name)
        assert old.dtype == new.dtype
        assert old.tolist() == new.tolist()
    assert repr(saved.get_params()) == repr(model.get_params())


@pytest.mark.parametrize("n", [300, pytest.param(5_000, marks=pytest.mark.long)])
def test_mutated_files(starts: list[Members], memory_folder: Path, attack: Attack, n: int) -> None:
    rng, path = random.Random(n), memory_folder / "model"
    for _ in range(n * attack.factor):
        data = mutate(rng.choice(starts), rng)
        path.write_bytes(data)
        model, message = None, ""
        tracemalloc.start()
        try:
            model = load_model(path)
        except ModelFileError as error:
            message = str(error)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        # An empty list, three characters of JSON, takes 80 bytes in Python.
        assert peak < 40 * len(data) + (1 << 18)
        if model is None:
            assert message.startswith(f"{path} "), message
            assert message.isprintable()
            assert len(message) < len(str(path)) + 400
            assert "MemoryError" not in message
        else:
            assert_works(model, path)
        attack.ends["refused" if model is None else "read"] += 1
    assert min(attack.ends["refused"], attack.ends["read"]) > n // 20


WATCHED = """
import os, sys
from mnistlr import ModelFileError, load_model

seen, watching = [], False

def watch(event, arguments):
    if watching and (
        event in ("exec", "compile", "import", "os.system", "subprocess.Popen", "pickle.find_class", "ctypes.dlopen")
        or (event == "open" and arguments[1] not in ("r", "rb", None))
    ):
        seen.append((event, arguments))

folder = sys.argv[1]
names = sorted(os.listdir(folder))
load_model(f"{folder}/{names[0]}")  # imports what it needs
sys.addaudithook(watch)
refused = 0
watching = True
for name in names:
    try:
        load_model(f"{folder}/{name}")
    except ModelFileError:
        refused += 1
watching = False
assert not seen, seen[:3]
assert sorted(os.listdir(folder)) == names
print(refused)
"""


def test_nothing_is_executed(starts: list[Members], memory_folder: Path, attack: Attack) -> None:
    """Python reports to an audit hook whatever is compiled, executed, imported, unpickled or opened for writing."""
    n, rng = 400 * attack.factor, random.Random(4)
    (memory_folder / "000000").write_bytes(zipped(starts[0], random.Random(0)))
    for i in range(1, n):
        (memory_folder / f"{i:06}").write_bytes(mutate(rng.choice(starts), rng))
    command = [sys.executable, "-W", "error", "-c", WATCHED, memory_folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    attack.ends["refused"] += int(done.stdout)
    attack.ends["read"] += n - attack.ends["refused"]


def test_no_file(tmp_path: Path) -> None:
    assert_refuses_what_is_no_file(load_model, ModelFileError, tmp_path)


def test_a_newer_version_is_refused_by_name_whatever_else_is_new(starts: list[Members], tmp_path: Path) -> None:
    members, path = dict(starts[0]), tmp_path / "newer.npz"
    with_text(members, json.dumps(parse(members) | {"format_version": 2, "class": "ConvNet"}).encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("weights.npy", b"of a kind that nobody knows yet")
        archive.writestr("header.npy", members["header.npy"], zipfile.ZIP_STORED)
    message = r"newer\.npz was written by a newer version of mnistlr \(format 2; this one reads up to 1\)"
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


@pytest.mark.parametrize("version", ["0.1.0"])
def test_files_of_released_versions_load_and_predict_the_same(version: str) -> None:
    """A model file of every class and kind of labels, and what it gave when it was written.

    Made by that version, from ``X, y = load_digits()`` with X / 16 as floats: the name of a file says class and dtype
    of the labels, which are ``y`` (two classes: ``y == 2``) as numbers, text ("digit 3"), text objects, truth values,
    days after 1970-01-01 (three a digit) or spans of time; text objects go with names of features. ``expected.json``
    has by file: the SHA-256 of the coefficients, the parameters that were given, and for X[:10] the labels predicted,
    as text, and the decision function.
    """
    folder = Path(__file__).parents[1] / "data" / version
    expected = json.loads((folder / "expected.json").read_text())
    assert sorted(expected) == sorted(path.name for path in folder.glob("*.npz"))
    X, kinds = load_digits()[0][:10] / 16, set()
    for name, then in expected.items():
        saved = read_model_file(folder / name)
        model = saved.model
        kinds.add((type(model).__name__, model.classes_.dtype.kind))
        assert name.startswith(type(model).__name__)
        for array in ("coef", "intercept"):
            contents = getattr(model, f"{array}_").astype("<f8").tobytes()
            assert hashlib.sha256(contents).hexdigest() == then["sha256"][array]
        if model.classes_.dtype == object:
            assert model.feature_names_in_.tolist() == [f"pixel {i}" for i in range(64)]
            del model.feature_names_in_
        assert list(map(str, model.predict(X))) == then["predicted"]
        np.testing.assert_allclose(model.decision_function(X), then["decision_function"], rtol=1e-10, atol=1e-12)
        given = {name: value for name, value in model.get_params().items() if name in then["parameters"]}
        assert json.loads(json.dumps(given)) == then["parameters"]  # keys of class weights as JSON has them
        assert saved.provenance["versions"]["mnistlr"] == version
        assert saved.provenance["seed"] == 3
        assert saved.provenance["data"]["shape"] == [1797, 64]
        assert 0.9 < saved.provenance["accuracy"] <= 1
    assert kinds == {("LogisticRegression", kind) for kind in "biufUOMm"} | {
        ("SoftmaxRegression", kind) for kind in "iufUOMm"
    }


def test_every_error_is_caught_both_ways() -> None:
    classes = [value for value in vars(mnistlr.exceptions).values() if isinstance(value, type)]
    assert len(classes) >= 5
    for cls in classes:
        assert issubclass(cls, MnistlrError)
        assert getattr(mnistlr, cls.__name__) is cls
        if cls is not MnistlrError:
            ours, built_in = cls.__bases__
            assert ours is MnistlrError
            assert built_in.__module__ == "builtins"
            assert issubclass(built_in, Exception)
            assert built_in is not Exception
