"""`mnistlr train`, `evaluate`, `predict` and `explain`: what is printed, saved and refused."""

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix

from mnistlr import LogisticRegression, SoftmaxRegression, explain, load_mnist_5k, load_model, save_model
from mnistlr.datasets.named import load_named
from mnistlr.saving.model_file import read_model_file
from tests.helpers.command_runs import Run, assert_error


def test_train_ten_digits(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("train", "--dataset", "digits", "--seed", 5, "--alpha", 0.001)
    assert status == 0
    data = load_named("digits")
    peer = SoftmaxRegression(alpha=0.001, random_state=5).fit(data.X_train, data.y_train)
    model, provenance = read_model_file(tmp_path / "mnistlr-softmax.npz")
    assert np.array_equal(model.coef_, peer.coef_)
    assert model.alpha == 0.001
    accuracy = peer.score(data.X_test, data.y_test)
    assert f"accuracy {100 * accuracy:.2f} % on 359 test images (always " in out
    assert "saved mnistlr-softmax.npz" in out
    assert provenance["accuracy"] == accuracy
    assert provenance["seed"] == 5
    assert provenance["data"] == {"name": "digits", "sha256": data.checksums}


def test_train_a_detector(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("train", "--dataset", "digits", "--digit", 7, "--solver", "sgd")
    assert status == 0
    model, provenance = read_model_file(tmp_path / "mnistlr-is-it-a-7.npz")
    assert type(model) is LogisticRegression
    assert model.solver == "sgd"
    assert model.classes_.tolist() == [False, True]
    assert provenance["digit"] == 7
    data = load_named("digits")
    assert f'(always "False": {100 * np.mean(data.y_test != 7):.2f} %)' in out


def test_train_that_does_not_converge_warns_in_one_line(run: Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        status, out, err = run("train", "--dataset", "digits", "--max-iter", 1)
    assert status == 0
    assert ": 1 iteration in " in out
    assert err.startswith("mnistlr: warning: SoftmaxRegression(")
    assert err.count("\n") == 1


def test_evaluate(run: Run, models: dict[str, Path]) -> None:
    data = load_named("digits")
    predicted = load_model(models["softmax"]).predict(data.X_test)
    status, out, _ = run("evaluate", models["softmax"])
    assert status == 0
    assert f"accuracy {100 * accuracy_score(data.y_test, predicted):.2f} % on 359 test images" in out
    assert "most confused" in out
    assert max(map(len, out.splitlines())) <= 80
    status, out, err = run("evaluate", models["softmax"], "--json")
    found = json.loads(out)
    assert found["accuracy"] == accuracy_score(data.y_test, predicted)
    assert found["confusion_matrix"] == confusion_matrix(data.y_test, predicted).tolist()
    assert (found["dataset"], found["class"], err) == ("digits", "SoftmaxRegression", "")


def test_evaluate_a_detector(run: Run, models: dict[str, Path]) -> None:
    data = load_named("digits")
    predicted = load_model(models["detector"]).predict(data.X_test)
    found = json.loads(run("evaluate", models["detector"], "--json").out)
    assert found["confusion_matrix"] == confusion_matrix(data.y_test == 2, predicted).tolist()
    assert [row["label"] for row in found["classes"]] == [False, True]


def test_evaluate_a_model_of_some_digits_counts_the_others_as_wrong(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    some = data.y_train < 5
    model = SoftmaxRegression(random_state=0).fit(data.X_train[some], data.y_train[some])
    save_model(model, tmp_path / "some.npz", provenance={"data": {"name": "digits"}})
    found = json.loads(run("evaluate", "some.npz", "--json").out)
    assert found["n_samples"] == 359
    assert found["accuracy"] == np.mean(model.predict(data.X_test) == data.y_test) < 0.6


def test_predict(run: Run, models: dict[str, Path]) -> None:
    data, model = load_named("digits"), load_model(models["softmax"])
    status, out, _ = run("predict", models["softmax"], "--index", 2, "-i", 1796)
    assert status == 0
    assert "Image 2 of scikit-learn's bundled digits: predicted 2, label 2" in out
    assert "Image 1796 of" in out
    assert max(map(len, out.splitlines())) <= 80
    found = json.loads(run("predict", models["softmax"], "--index", 2, "-i", 1796, "--json").out)
    assert found["classes"] == list(range(10))
    X = np.stack([data.image(2)[0], data.image(1796)[0]])
    assert [answer["predicted"] for answer in found["answers"]] == model.predict(X).tolist()
    assert [answer["probabilities"] for answer in found["answers"]] == model.predict_proba(X).tolist()
    assert [answer["label"] for answer in found["answers"]] == [2, data.image(1796)[1]]


def test_predict_with_a_detector(run: Run, models: dict[str, Path]) -> None:
    assert "predicted True, label True" in run("predict", models["detector"], "-i", 2).out
    assert "predicted False, label False" in run("predict", models["detector"], "-i", 1).out


@pytest.mark.parametrize("name", ["softmax", "detector"])
def test_explain(run: Run, models: dict[str, Path], name: str) -> None:
    model, data = load_model(models[name]), load_named("digits")
    status, out, err = run("explain", models[name], "--index", 2)
    why = explain(model, data.image(2)[0])
    assert (status, err) == (0, "")
    label = 2 if name == "softmax" else True
    first = f"Image 2 of scikit-learn's bundled digits, label {label}\npredicted {why.label}, runner-up {why.runner_up}"
    assert out.startswith(first + "\n\n")
    assert f"{why.label} leads {why.runner_up} by {why.margin:.2f} nats" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


def test_explain_to_a_file(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    status, out, _ = run("explain", models["softmax"], "-i", 2, "-o", "why.png")
    assert status == 0
    assert out.endswith("saved why.png\n")
    assert imread(tmp_path / "why.png").shape[2] == 4
    assert_error(
        run("explain", models["softmax"], "-i", 2, "-o", "why.xyz"),
        1,
        "expected a file name that ends in one of .",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["why.png"]


def test_explain_a_photo(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    from PIL import Image

    from mnistlr.images import to_mnist

    X, y = load_mnist_5k()
    model = SoftmaxRegression(random_state=0).fit(X, y)
    save_model(model, tmp_path / "model.npz")
    photo = 255 - np.pad(np.kron(X[700].reshape(28, 28), np.ones((8, 8), np.uint8)), 40)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    why = explain(model, to_mnist(tmp_path / "photo.png"))
    status, out, err = run("explain", "model.npz", "photo.png")
    assert (status, err) == (0, "")
    assert out.startswith(f"photo.png\npredicted {why.label}, runner-up {why.runner_up}\n\n")
    assert f"leads {why.runner_up} by {why.margin:.2f} nats" in out
    assert_error(run("explain", models["softmax"], "photo.png"), 1, "takes 64 features, but a picture becomes 28x28")
    assert_error(run("explain", "model.npz", "none.png"), 1, "none.png")


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal as in POSIX")
@pytest.mark.parametrize(("no_color", "arguments"), [("", ("explain", "-i", "2")), ("1", ("evaluate",))])
def test_colours_in_a_terminal_and_plain_text_where_NO_COLOR_is_set(
    models: dict[str, Path], no_color: str, arguments: tuple[str, ...]
) -> None:
    import pty

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "mnistlr", arguments[0], str(models["softmax"]), *arguments[1:]]
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", "NO_COLOR": no_color}
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=environment) as running:
        os.close(follower)
        out = b""
        while chunk := _read(leader):
            out += chunk
    os.close(leader)
    assert running.returncode == 0
    assert (b"\x1b" in out) == (not no_color)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.decode()).splitlines()
    assert max(map(len, lines)) <= 80


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end was closed
        return b""


def test_predict_with_many_classes_shows_the_ten_most_probable(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    labels = data.y_train + 10 * (np.arange(len(data.y_train)) % 4)  # 40 classes
    model = SoftmaxRegression(random_state=0).fit(data.X_train, labels)
    save_model(model, tmp_path / "forty.npz", provenance={"data": {"name": "digits"}})
    out = run("predict", "forty.npz", "-i", 2).out
    assert max(map(len, out.splitlines())) <= 80
    shown = [int(word) for word in out.splitlines()[1].split()]
    assert shown == sorted(np.argsort(-model.predict_proba(data.image(2)[0][None])[0], kind="stable")[:10])


def test_models_without_provenance(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    words = np.array(["even", "odd"])[data.y_train % 2]
    for labels, name in ((words, "words"), (data.y_train == 2, "bool"), (data.y_train, "int")):
        cls = SoftmaxRegression if name == "int" else LogisticRegression
        save_model(cls(random_state=0).fit(data.X_train, labels), tmp_path / f"{name}.npz")
    digits = ("--dataset", "digits")
    assert_error(run("evaluate", "words.npz", *digits), 1, "the labels of this model, even, odd, are not digits")
    assert_error(run("predict", "bool.npz", "-i", 1, *digits), 1, "does not say which digit it detects")
    assert run("evaluate", "int.npz", *digits).status == 0
    outcome = run("evaluate", "int.npz", "--data", tmp_path)
    assert outcome.status == 1
    assert "four IDX files" in outcome.err
