"""`mnistlr train`, `evaluate`, `predict` and `explain`: what is printed, saved and refused."""

import json
import os
import re
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix

from mnistlr import DigitReader, LogisticRegression, SoftmaxRegression, explain, load_mnist_5k, load_model, save_model
from mnistlr.datasets import shuffle, write_idx
from mnistlr.datasets.named import load_named
from mnistlr.features import add_copies
from mnistlr.saving.model_file import read_model_file
from mnistlr.walkthrough import About, Walk
from tests.helpers.command_runs import Run, assert_error
from tests.helpers.screens import written_by

DIGITS = ("--dataset", "digits")
MODELS = {"softmax": SoftmaxRegression, "edges": DigitReader, "detector": LogisticRegression}


@pytest.mark.parametrize("name", ["softmax", "edges"])
def test_train_ten_digits(run: Run, name: str, tmp_path: Path) -> None:
    features = ("--features", "edges") if name == "edges" else ()
    status, out, _ = run("train", *DIGITS, *features, "--seed", 5, "--alpha", 1e-4)
    assert status == 0
    data = load_named("digits")
    peer = MODELS[name](alpha=1e-4, random_state=5).fit(*shuffle(data.X_train, data.y_train, random_state=5))
    model, provenance = read_model_file(tmp_path / f"mnistlr-{name}.npz")
    assert np.array_equal(model.predict_proba(data.X_test), peer.predict_proba(data.X_test))
    assert model.alpha == 1e-4
    accuracy = peer.score(data.X_test, data.y_test)
    assert out.startswith(f"{type(peer).__name__} on scikit-learn's bundled digits: ")
    assert f"accuracy {100 * accuracy:.2f} % on 359 test images (always " in out
    assert f"saved mnistlr-{name}.npz\n" in out
    assert (provenance["accuracy"], provenance["seed"]) == (accuracy, 5)
    assert provenance["data"] == {"name": "digits", "sha256": data.checksums}


def test_train_with_distorted_copies(run: Run, tmp_path: Path) -> None:
    status, out, err = run("train", *DIGITS, "--features", "edges", "--copies", 2, "--seed", 5)
    assert status == 0, err
    assert out.startswith("DigitReader on scikit-learn's bundled digits, 2 distorted copies and a redrawn one: ")
    data = load_named("digits")
    model, provenance = read_model_file(tmp_path / "mnistlr-edges.npz")
    X, y = shuffle(data.X_train, data.y_train, random_state=5)
    peer = DigitReader(random_state=5).fit(*add_copies(X, y, 2, random_state=5))
    assert np.array_equal(model.predict_proba(data.X_test), peer.predict_proba(data.X_test))
    assert (provenance["copies"], provenance["redrawn"]) == (2, 1)


def test_edges_are_trained_with_sgd_and_pixels_without_copies(run: Run) -> None:
    outcome = run("train", *DIGITS, "--features", "edges", "--solver", "lbfgs")
    assert_error(outcome, 2, "models of edges are trained with sgd; --solver lbfgs is for --features pixels.")
    assert_error(run("train", *DIGITS, "--copies", 2), 2, "copies do not help a model of pixels.")


def test_the_same_seed_makes_the_same_models_as_in_the_tour(run: Run, tmp_path: Path) -> None:
    walk = Walk(About.of(load_named("digits"), seed=5), draw=False)
    next(None for _ in walk.run() if "softmax" in walk.names)
    for name, options in {"softmax": (), "detector": ("--digit", 2)}.items():
        run("train", *DIGITS, "--seed", 5, "-o", "model.npz", *options)
        assert np.array_equal(load_model(tmp_path / "model.npz").coef_, walk.names[name].coef_)


def test_train_a_detector(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("train", *DIGITS, "--digit", 7, "--solver", "sgd")
    assert status == 0
    assert out.endswith("Photos and drawings are read better from edges: mnistlr train --features edges\n")
    model, provenance = read_model_file(tmp_path / "mnistlr-is-it-a-7.npz")
    assert type(model) is LogisticRegression
    assert model.solver == "sgd"
    assert model.classes_.tolist() == [False, True]
    assert provenance["digit"] == 7
    data = load_named("digits")
    assert f'(always "not 7": {100 * np.mean(data.y_test != 7):.2f} %)' in out


def test_a_detector_of_edges(run: Run) -> None:
    status, _, _ = run("train", *DIGITS, "--features", "edges", "--digit", 7)
    assert status == 0
    assert json.loads(run("evaluate", "mnistlr-is-it-a-7.npz", "--json").out)["accuracy"] > 0.98
    assert "predicted 7, label 7" in run("predict", "mnistlr-is-it-a-7.npz", "-i", 7).out


def test_train_that_does_not_converge_warns_in_one_line(run: Run) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        status, out, err = run("train", *DIGITS, "--max-iter", 1)
    assert status == 0
    assert ": 1 iteration in " in out
    assert err.startswith("mnistlr: warning: SoftmaxRegression(")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", MODELS)
def test_evaluate(run: Run, models: dict[str, Path], name: str) -> None:
    data = load_named("digits")
    predicted = load_model(models[name]).predict(data.X_test)
    true = data.y_test == 2 if name == "detector" else data.y_test
    status, out, _ = run("evaluate", models[name])
    assert status == 0
    assert f"accuracy {100 * accuracy_score(true, predicted):.2f} % on 359 test images" in out
    assert "most confused" in out or name == "detector"
    assert max(map(len, out.splitlines())) <= 80
    status, out, err = run("evaluate", models[name], "--json")
    found = json.loads(out)
    assert found["accuracy"] == accuracy_score(true, predicted)
    assert found["confusion_matrix"] == confusion_matrix(true, predicted).tolist()
    assert [row["label"] for row in found["classes"]] == np.unique(true).tolist()
    assert (found["dataset"], found["class"], err) == ("digits", MODELS[name].__name__, "")


def test_evaluate_a_model_of_some_digits_counts_the_others_as_wrong(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    some = data.y_train < 5
    model = SoftmaxRegression(random_state=0).fit(data.X_train[some], data.y_train[some])
    save_model(model, tmp_path / "some.npz", provenance={"data": {"name": "digits"}})
    found = json.loads(run("evaluate", "some.npz", "--json").out)
    assert found["n_samples"] == 359
    assert found["accuracy"] == np.mean(model.predict(data.X_test) == data.y_test) < 0.6


@pytest.mark.parametrize("name", ["softmax", "edges"])
def test_predict(run: Run, models: dict[str, Path], name: str) -> None:
    data, model = load_named("digits"), load_model(models[name])
    status, out, _ = run("predict", models[name], "--index", 2, "-i", 1796)
    assert status == 0
    trained_on = "The model was trained on this image."
    title = "Image 2 of scikit-learn's bundled digits (train 84): predicted 2, label 2"
    assert out.splitlines()[:2] == [title, trained_on]
    assert "Image 1796 of" in out
    assert max(map(len, out.splitlines())) <= 80
    found = json.loads(run("predict", models[name], "--index", 2, "-i", 1796, "--json").out)
    assert found["classes"] == list(range(10))
    X = np.stack([data.image(2)[0], data.image(1796)[0]])
    for key, expected in {
        "predicted": model.predict(X).tolist(),
        "probabilities": model.predict_proba(X).tolist(),
        "label": [2, data.image(1796)[1]],
        "trained_on": [data.is_for_training(k) for k in (2, 1796)],
    }.items():
        assert [answer[key] for answer in found["answers"]] == expected


def test_predict_and_explain_take_images_by_their_part_and_number(run: Run, models: dict[str, Path]) -> None:
    data = load_named("digits")
    for part, number in (("test", 8), ("train", 8)):
        index = data.index_of(part, number)
        for command in ("predict", "explain"):
            out = run(command, models["softmax"], f"--{part}", number).out
            assert out == run(command, models["softmax"], "-i", index).out
            assert out.startswith(f"Image {index} of scikit-learn's bundled digits ({part} {number})")
            assert ("trained on this image" in out) == (part == "train")
    found = json.loads(run("predict", models["softmax"], "--test", 3, "--test", 5, "--train", 1, "--json").out)
    places = [(answer["part"], answer["number"]) for answer in found["answers"]]
    assert places == [("train", 1), ("test", 3), ("test", 5)]


def test_evaluate_says_when_the_model_was_trained_on_the_images(run: Run, tmp_path: Path) -> None:
    data = load_named("mnist_5k")
    model = SoftmaxRegression(random_state=0).fit(data.X_train, data.y_train)
    for name, is_told in (("mnist", True), ("mnist_5k", False)):
        save_model(model, tmp_path / "model.npz", provenance={"data": {"name": name}})
        err = run("evaluate", "model.npz", "--dataset", "mnist_5k").err
        assert ("the model was trained on these images" in err) == is_told


def test_predict_with_a_detector(run: Run, models: dict[str, Path]) -> None:
    assert "predicted 2, label 2\n" in run("predict", models["detector"], "-i", 2).out
    out = run("predict", models["detector"], "-i", 1).out
    assert "predicted not 2, label not 2\n" in out
    assert out.splitlines()[-3].split() == ["not", "2", "2"]
    report = run("evaluate", models["detector"]).out
    assert " not 2 " in report
    assert "True" not in out + report
    assert "False" not in out + report


@pytest.mark.parametrize("name", MODELS)
def test_explain(run: Run, models: dict[str, Path], name: str) -> None:
    why = explain(load_model(models[name]), load_named("digits").image(2)[0])
    status, out, err = run("explain", models[name], "--index", 2)
    assert (status, err) == (0, "")
    runner_up = "not 2" if name == "detector" else why.runner_up
    image, trained = "Image 2 of scikit-learn's bundled digits (train 84)", "The model was trained on this image."
    assert out.startswith(f"{image}, label 2\n{trained}\npredicted 2, runner-up {runner_up}\n\n")
    assert f"2 leads {runner_up} by {why.margin:.2f} nats" in out
    assert (f"The edges at {len(why.decisive_pixels)} pixel" in out) == (name == "edges")
    assert ("Without the ink" in out) == (name != "edges")
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal as in POSIX")
@pytest.mark.parametrize(
    ("no_color", "command"), [("", "explain"), pytest.param("1", "evaluate", marks=pytest.mark.long)]
)
def test_colours_in_a_terminal_and_plain_text_where_NO_COLOR_is_set(
    models: dict[str, Path], no_color: str, command: str, tmp_path: Path
) -> None:
    arguments = (command, models["softmax"], *(("-i", 2) if command == "explain" else ()))
    status, out = written_by(*arguments, folder=tmp_path, stderr=subprocess.DEVNULL, NO_COLOR=no_color)
    assert status == 0
    assert ("\x1b" in out) == (not no_color)
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines())) <= 80


def test_predict_with_many_classes_shows_the_ten_most_probable(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    labels = data.y_train + 10 * (np.arange(len(data.y_train)) % 4)  # 40 classes
    model = SoftmaxRegression(random_state=0).fit(data.X_train, labels)
    save_model(model, tmp_path / "forty.npz", provenance={"data": {"name": "digits"}})
    out = run("predict", "forty.npz", "-i", 2).out
    assert max(map(len, out.splitlines())) <= 80
    shown = [int(word) for word in out.splitlines()[2].split()]
    assert shown == sorted(np.argsort(-model.predict_proba(data.image(2)[0][None])[0], kind="stable")[:10])


def test_another_data_set_is_trained_on_and_named(run: Run, tmp_path: Path) -> None:
    X, y = load_mnist_5k()
    for part, rows in (("train", slice(0, None, 2)), ("test", slice(1, None, 2))):
        upright = X[rows].reshape(-1, 28, 28)
        write_idx(tmp_path / f"emnist-letters-{part}-images-idx3-ubyte.gz", upright.transpose(0, 2, 1))
        write_idx(tmp_path / f"emnist-letters-{part}-labels-idx1-ubyte", (y[rows] + 1).astype(np.uint8))
    status, out, err = run("train", "--data", ".", "-o", "letters.npz")
    assert status == 0
    assert "SoftmaxRegression on emnist-letters:" in out
    assert "holds not MNIST but emnist-letters: 2,500 training images of 28x28 pixels" in err
    assert "10 labels from 1 to 10; its images are stored transposed, and were turned upright" in err
    found = json.loads(run("evaluate", "letters.npz", "--data", ".", "--json").out)
    assert found["dataset"] == "emnist-letters"
    assert found["accuracy"] > 0.8
    assert "trained on this image" in run("predict", "letters.npz", "--data", ".", "--train", 1).out
    assert_error(run("evaluate", "letters.npz"), 1, "was trained on emnist-letters; give the folder with its files")
    outcome = run("train", "--data", ".", "--digit", 0)
    assert outcome.err.endswith("there is no 0 among the labels of emnist-letters; choose another --digit.\n")


def test_models_without_provenance(run: Run, tmp_path: Path) -> None:
    data = load_named("digits")
    words = np.array(["even", "odd"])[data.y_train % 2]
    for labels, name in ((words, "words"), (data.y_train == 2, "bool"), (data.y_train, "int")):
        cls = SoftmaxRegression if name == "int" else LogisticRegression
        save_model(cls(random_state=0).fit(data.X_train, labels), tmp_path / f"{name}.npz")
    assert_error(run("evaluate", "words.npz", *DIGITS), 1, "the labels of this model, even, odd, are not digits")
    assert_error(run("predict", "bool.npz", "-i", 1, *DIGITS), 1, "does not say which digit it detects")
    assert run("evaluate", "int.npz", *DIGITS).status == 0
    outcome = run("evaluate", "int.npz", "--data", tmp_path)
    assert outcome.status == 1
    assert "four IDX files" in outcome.err
