"""`mnistlr predict` and `explain` with pictures: what is printed and drawn, and what they cannot do."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from mnistlr import DigitReader, SoftmaxRegression, explain, find_digits, load_model, save_model, to_mnist
from mnistlr.datasets.named import load_named
from mnistlr.trained import trained_reader
from tests.conftest import ImageData
from tests.helpers.command_runs import Run, assert_error, modules_after, process

Image = pytest.importorskip("PIL.Image", reason="needs the extra images")
from tests.helpers.photos import on_a_page  # noqa: E402


@pytest.fixture(scope="module")
def model(small_mnist: ImageData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    softmax = SoftmaxRegression(random_state=0).fit(small_mnist.X_train, small_mnist.y_train)
    return save_model(softmax, tmp_path_factory.mktemp("model") / "softmax.npz")


@pytest.fixture
def page(mnist: ImageData) -> np.ndarray:
    """One digit on a page."""
    return on_a_page([mnist.X_test[0].reshape(28, 28)], gap=9)


@pytest.fixture
def photo(run: Run, page: np.ndarray) -> str:
    return save_png(page, "photo.png")


def save_png(array: np.ndarray, path: str) -> str:
    Image.fromarray(array).save(path)
    return path


def test_predict_and_explain_a_picture(run: Run, model: Path, photo: str) -> None:
    pixels = to_mnist(photo)
    (expected,) = load_model(model).predict(pixels.reshape(1, -1)).tolist()
    status, out, err = run("predict", model, photo)
    assert (status, err) == (0, "")
    assert f"photo.png: predicted {expected}" in out
    assert "ink" not in out
    assert "Not sure" not in out
    status, steps, _ = run("predict", model, photo, "--show-steps")
    assert status == 0
    assert steps.endswith(out)
    for title in ("without colours", "without what is on it", "differs from the paper", "The ink", "wide as MNIST's"):
        assert title in steps
    assert "Printed lines" not in steps
    assert max(map(len, steps.splitlines())) <= 80
    found = json.loads(run("predict", model, photo, "--json").out)
    (answer,) = found["answers"]
    assert (answer["picture"], answer["predicted"]) == ("photo.png", expected)
    assert found["classes"][int(np.argmax(answer["probabilities"]))] == expected
    why = explain(load_model(model), pixels)
    status, out, err = run("explain", model, photo)
    assert (status, err) == (0, "")
    assert out.startswith(f"photo.png\npredicted {expected}, runner-up {why.runner_up}\n\n")
    assert f"leads {why.runner_up} by {why.margin:.2f} nats" in out


def test_printed_lines_are_shown_among_the_steps(run: Run, model: Path, page: np.ndarray) -> None:
    page = np.pad(page, 60, mode="edge")
    page[30:33, 20:-20] = page[-33:-30, 20:-20] = page[30:-30, 20:23] = page[30:-30, -23:-20] = 60
    status, steps, _ = run("predict", model, save_png(page, "boxed.png"), "--show-steps")
    assert status == 0
    assert "Printed lines, which were taken away" in steps
    assert "Not sure" not in steps  # they are all around the digit


def test_a_doubt_is_told(run: Run, model: Path, page: np.ndarray) -> None:
    rows = np.flatnonzero((page < 128).any(axis=1))
    picture = save_png(page[rows[0] : rows[-1] + 1], "cropped.png")
    _, out, err = run("predict", model, picture)
    assert "Not sure: ink touches the edge of the picture." in out
    (answer,) = json.loads(run("predict", model, picture, "--json")[1])["answers"]
    assert (answer["doubts"], err) == (["ink touches the edge of the picture"], "")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_bad_picture_among_good_ones(run: Run, model: Path, page: np.ndarray, options: tuple[str, ...]) -> None:
    """It is reported beside the others' results, and the exit status is 1."""
    good = save_png(page, "good.png")
    Path("page.png").write_bytes(b"<!doctype html><html></html>")
    status, out, err = run("predict", model, "page.png", "missing.png", good, *options)
    assert status == 1
    assert "page.png: this is a web page" in err
    assert "missing.png" in err
    if options:
        answers = json.loads(out)["answers"]
        assert ["error" in answer for answer in answers] == [True, True, False]
    else:
        assert "good.png: predicted" in out


def test_steps_of_a_stroke_fit_into_a_terminal(run: Run, model: Path) -> None:
    """The strokes of a 1 are many times as high as wide: they are drawn narrow rather than enlarged to full width."""
    page = np.full((300, 300), 255, np.uint8)
    page[40:260, 140:160] = 0
    _, steps, _ = run("predict", model, save_png(page, "one.png"), "--show-steps")
    lines = steps.splitlines()
    titles = [row for row, line in enumerate(lines) if ", from " in line]
    assert len(titles) == 5
    assert max(np.diff(titles)) <= 21
    assert len(lines) - titles[-1] <= 2 * 21
    assert "-0.00" not in steps


def test_labels_are_printed_as_they_are(run: Run, small_mnist: ImageData, tmp_path: Path) -> None:
    """Neither rich's markup nor its names of emoji."""
    labels = np.where(small_mnist.y_train == 0, "[/]", ":x:")
    save_model(SoftmaxRegression(random_state=0).fit(small_mnist.X_train, labels), tmp_path / "model.npz")
    picture = save_png(on_a_page([small_mnist.X_test[0].reshape(28, 28)], gap=9), "[b].png")
    for command in ("predict", "explain"):
        status, out, err = run(command, "model.npz", picture)
        assert (status, err) == (0, "")
        for text in ("[/]", ":x:", "[b].png"):
            assert text in out


def test_predict_all_digits_of_a_picture(run: Run, model: Path, mnist: ImageData) -> None:
    images = mnist.X_test[:20].reshape(-1, 28, 28)
    whole = [image for image in images if ndimage.label(image, np.ones((3, 3)))[1] == 1]
    page = save_png(on_a_page(whole[:4], gap=5), "page.png")
    found = load_model(model).predict(np.array([digit.pixels.ravel() for digit in find_digits(page)]))
    assert len(found) == 4
    assert f"page.png: {' '.join(map(str, found))}\n" in run("predict", model, page, "--all")[1]
    message = "page.png: expected one digit, found 4 side by side; find_digits (--all) tells them apart.\n"
    assert_error(run("predict", model, page), 1, message)


def test_predict_draws_the_steps_to_a_file(run: Run, model: Path, photo: str) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    assert "saved steps.png" in run("predict", model, photo, "-o", "steps.png").out
    assert np.asarray(Image.open("steps.png")).std() > 10


@pytest.mark.long
def test_the_steps_of_many_digits_are_drawn_in_rows(run: Run, model: Path, mnist: ImageData) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    lines = [on_a_page(mnist.X_test[k : k + 6].reshape(-1, 28, 28), gap=5) for k in range(0, 24, 6)]
    widest = max(line.shape[1] for line in lines)
    rows = [np.pad(line, ((0, 60), (0, widest - line.shape[1])), constant_values=200) for line in lines]
    save_png(np.vstack(rows), "page.png")
    assert run("predict", model, "page.png", "--all", "-o", "steps.png")[0] == 0
    with Image.open("steps.png") as picture:
        width, height = picture.size
    assert height / 1.5 < width < 1.5 * height


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("command", ["predict", "explain"])
def test_a_pipe_is_refused_and_not_waited_for(run: Run, model: Path, command: str) -> None:
    os.mkfifo("pipe")
    message = "error: pipe: expected a plain file, but pipe is a pipe, a socket or a device.\n"
    assert_error(run(command, model, "pipe"), 1, message)


def test_what_cannot_be_done_is_told(run: Run, model: Path, photo: str, models: dict[str, Path]) -> None:
    save_png(np.full((90, 90), 200, dtype=np.uint8), "blank.png")
    Path("text.png").write_text("no picture")
    Path("broken.npz").write_bytes(model.read_bytes()[:1000])
    for command, arguments, status, message in [
        ("predict", (model, "blank.png"), 1, "blank.png: the picture is empty"),
        ("predict", (model, "text.png"), 1, "text.png: this is no picture"),
        ("predict", (model, "none.png"), 1, "there is no none.png"),
        ("explain", (model, "none.png"), 1, "none.png"),
        ("predict", ("none.png",), 1, "there is no none.png"),
        ("predict", (models["softmax"], photo), 1, "takes 64 features, but a picture becomes 28x28"),
        ("explain", (models["softmax"], photo), 1, "takes 64 features, but a picture becomes 28x28"),
        ("predict", ("broken.npz", photo), 1, "broken.npz is no model file"),
        ("predict", ("none.npz", photo), 1, "there is no none.npz"),
        ("predict", (model,), 2, "PICTURE"),
        ("predict", (model, photo, "-i", 3), 2, "PICTURE"),
        ("predict", (photo, "-i", 3), 2, "expected one of the two: PICTURE files"),
        ("predict", (model, "-i", 3, "--all"), 2, "--all"),
        ("predict", (model, "a.png", "b.png", "-o", "c.png"), 2, "one PICTURE"),
        ("explain", (photo, photo), 2, "expected one of the two: a PHOTO"),
        ("explain", (), 2, "expected one of the two: a PHOTO"),
    ]:
        assert_error(run(command, *arguments), status, message)


@pytest.mark.long
def test_a_name_that_the_terminal_cannot_show_does_not_lose_the_answer(
    run: Run, model: Path, page: np.ndarray, tmp_path: Path
) -> None:
    """Neither in a terminal of ASCII nor if the name is no text at all."""
    names = ["\u2467.png"] + [os.fsdecode(b"\xff.png")] * (sys.platform == "linux")
    for name in names:
        save_png(page, str(tmp_path / name))
    (expected,) = load_model(model).predict(to_mnist(tmp_path / names[0]).reshape(1, -1)).tolist()
    done = process("predict", model, *(tmp_path / name for name in names), PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f".png: predicted {expected}\n") == len(names)
    answers = json.loads(run("predict", model, *names, "--json").out)["answers"]
    assert [answer["picture"] for answer in answers] == names


# --- without a model: the one that comes with the package --------------------------------------------------


def test_a_photo_is_read_without_a_model(run: Run, photo: str, mnist: ImageData) -> None:
    digit = mnist.y_test[0]
    status, out, err = run("predict", photo)
    assert status == 0, err
    assert f"photo.png: predicted {digit}" in out
    found = json.loads(run("predict", photo, photo, "--all", "--json").out)
    assert [answer["predicted"] for answer in found["answers"]] == [digit, digit]
    assert found["model"] == "the reader that comes with mnistlr"
    status, out, err = run("explain", photo)
    assert status == 0, err
    assert out.startswith(f"photo.png\npredicted {digit}, runner-up ")


def test_a_model_is_one_by_its_contents(run: Run, photo: str, small_mnist: ImageData) -> None:
    reader = DigitReader(random_state=0).fit(small_mnist.X_train[:1000], small_mnist.y_train[:1000] + 100)
    save_model(reader, "model")
    for command in ("predict", "explain"):
        assert f"predicted {100 + small_mnist.y_test[0]}" in run(command, "model", photo).out


def test_images_of_mnist_are_read_without_a_model(run: Run) -> None:
    data = load_named("mnist_5k")
    found = json.loads(run("predict", "-i", 17, "--dataset", "mnist_5k", "--json").out)
    expected = trained_reader().predict_proba(data.image(17)[0][None])[0]
    assert found["answers"][0]["probabilities"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_reading_a_photo_imports_nothing_slow(photo: str) -> None:
    """In the second process, which finds compiled code, that is all of numba's compiler, too, and what this imports."""
    slow = {"sklearn", "matplotlib", "requests", "pandas", "joblib", "jinja2"}
    slow |= {"numba.np.arrayobj", "scipy.linalg", "scipy.sparse"}
    for _ in range(2):
        imported = modules_after("from mnistlr.cli import main; main(['predict', sys.argv[1]])", photo)
    assert not slow & imported
