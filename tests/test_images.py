"""Photos and drawings of digits: what becomes of them, and what is refused."""

import contextlib
import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ImageData
from scipy import ndimage

from mnistlr import ImageError, SoftmaxRegression, find_digits, load_model, to_mnist
from mnistlr.cli import main
from mnistlr.images import normalise
from mnistlr.images.normalise import centre

Image = pytest.importorskip("PIL.Image", reason="needs the extra images")
from photos import take_photo  # noqa: E402

# --- normalise: ink -> 28x28 -------------------------------------------------------------------------------


def test_mnist_digits_are_left_as_they_are(mnist: ImageData) -> None:
    """MNIST's images went through this, so it must not change them; some peak at 254, where we say 255."""
    for pixels in mnist.X_test[:500].reshape(-1, 28, 28):
        for factor, margins in ((1, (0, 0)), (3, (40, 7))):
            ink = np.pad(np.kron(pixels, np.ones((factor, factor))), ((0, margins[0]), (margins[1], 0))) / 255
            found = normalise(ink)
            assert found.dtype == np.uint8
            largest = int(np.abs(found.astype(int) - pixels).max())
            assert largest <= (0 if pixels.max() == 255 and not np.isin(pixels, (1, 2)).any() else 2)


def by_the_definition(ink: np.ndarray) -> np.ndarray:
    """The docstring's five steps, pixel by pixel, in exact fractions."""
    rows = [i for i in range(ink.shape[0]) if max(ink[i]) > 0.01]
    columns = [j for j in range(ink.shape[1]) if max(ink[:, j]) > 0.01]
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    h, w = ink.shape
    m, n = (max(1, int(Fraction(20 * k, max(h, w)) + Fraction(1, 2))) for k in (h, w))

    def share(i: int, a: int, size: int, parts: int) -> Fraction:
        start, stop = Fraction(i * size, parts), Fraction((i + 1) * size, parts)
        return max(Fraction(0), min(stop, Fraction(a + 1)) - max(start, Fraction(a))) * parts / size

    def mean(i: int, j: int) -> Fraction:
        tall = [(a, share(i, a, h, m)) for a in range(h)]
        wide = [(b, share(j, b, w, n)) for b in range(w)]
        return sum((s * t * Fraction(float(ink[a, b])) for a, s in tall if s for b, t in wide if t), start=Fraction(0))

    v = {(i, j): mean(i, j) for i in range(m) for j in range(n)}
    peak, mass = max(v.values()), sum(v.values())
    y, x = sum(i * k for (i, _), k in v.items()) / mass, sum(j * k for (_, j), k in v.items()) / mass
    top = min(max((Fraction(29, 2) - y).__floor__(), 0), 28 - m)
    left = min(max((Fraction(29, 2) - x).__floor__(), 0), 28 - n)
    image = np.zeros((28, 28), dtype=np.uint8)
    for (i, j), k in v.items():
        image[top + i, left + j] = (255 * k / peak + Fraction(1, 2)).__floor__()
    return image


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (31, 17), (7, 40), (20, 20), (1, 50), (50, 1), (23, 33)])
def test_normalise_is_its_definition(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(sum(shape))
    ink = random.random(shape) * (random.random(shape) < 0.5)
    ink[0, 0] = 0.005
    ink[shape[0] // 2, shape[1] // 2] = 1
    assert np.array_equal(normalise(ink), by_the_definition(ink))


def test_a_lopsided_digit_stays_inside() -> None:
    """The centre of mass of a heavy foot cannot be centred: the rest would be cut off."""
    ink = np.zeros((200, 200))
    ink[:, :10] = 0.02
    ink[180:, :] = 1
    found = normalise(ink)
    assert np.flatnonzero(found.any(axis=1)).tolist() == list(range(20))


def test_ties_round_up_whatever_the_order_of_the_sums() -> None:
    """A block of 10 rows has its centre of mass at 4.5, which is 14.5 - 10; a mean of 0 and 1/255 lies between two."""
    for shift in (-1e-14, 0.0, 1e-14):
        scaled = np.ones((10, 10))
        scaled[0] += shift
        scaled[9, 9] = 0.5 / 255 + shift
        scaled[0, 0] = 0.5 / 255 + shift
        found = centre(scaled)
        assert np.flatnonzero(found.any(axis=1)).tolist() == list(range(10, 20))
        assert found[19, 19] == 1


@pytest.mark.parametrize(
    ("ink", "message"),
    [
        (np.zeros((5, 5)), "no ink"),
        (np.zeros((0, 0)), "no ink"),
        (np.full((5, 5), 0.009), "no ink"),
        (np.ones(5), "shape"),
        (np.full((5, 5), 255), "from 0"),
        (np.full((5, 5), np.nan), "from 0"),
    ],
)
def test_what_is_no_ink_is_refused(ink: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        normalise(ink)


# --- photos ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def softmax(mnist: ImageData) -> SoftmaxRegression:
    return SoftmaxRegression(random_state=0).fit(mnist.X_train, mnist.y_train)


def accuracies(softmax: SoftmaxRegression, data: ImageData, indices: np.ndarray, **kwargs: Any) -> tuple[float, float]:
    """Return the accuracy on originals and on photos of them, and print both."""
    X, y = data.X_test[indices], data.y_test[indices]
    n_right = 0
    for i in indices:
        photo = take_photo(data.X_test[i].reshape(28, 28), np.random.default_rng([1, i]), **kwargs)
        with contextlib.suppress(ImageError):  # it counts as an error
            n_right += softmax.predict(to_mnist(photo.jpeg).reshape(1, -1))[0] == data.y_test[i]
    scores = softmax.score(X, y), n_right / len(y)
    print(f"{len(y):,} digits of {data.name}: originals {scores[0]:.2%}, photos of them {scores[1]:.2%}")
    return scores


def test_photos_are_read_like_the_originals(softmax: SoftmaxRegression, mnist: ImageData) -> None:
    indices = np.random.default_rng(0).permutation(len(mnist.y_test))[:200]
    originals, photos = accuracies(softmax, mnist, indices, sides=(60, 300))
    assert photos >= originals - 0.02


@pytest.mark.long
def test_thousands_of_photos_of_every_size(softmax: SoftmaxRegression, mnist: ImageData) -> None:
    indices = np.random.default_rng(0).permutation(len(mnist.y_test))[:2000]
    originals, photos = accuracies(softmax, mnist, indices)
    assert photos >= originals - 0.02


def on_a_page(images: Sequence[np.ndarray], gap: int, factor: int = 4) -> np.ndarray:
    """Write digits in a row, dark on grey paper, each trimmed to its ink, ``gap`` of MNIST's pixels apart."""
    page = [np.zeros((28, 4))]
    for image in images:
        columns = np.flatnonzero(image.any(axis=0))
        page += [image[:, columns[0] : columns[-1] + 1], np.zeros((28, gap))]
    return (200 - 0.6 * np.kron(np.hstack(page), np.ones((factor, factor)))).astype(np.uint8)


def test_several_digits_from_left_to_right(softmax: SoftmaxRegression, mnist: ImageData) -> None:
    X, y = mnist.X_test[:250], mnist.y_test[:250]
    n_told_apart = n_right = 0
    for start in range(0, 250, 5):
        digits = find_digits(on_a_page(X[start : start + 5].reshape(-1, 28, 28), gap=3))
        lefts = [digit.box.left for digit in digits]
        assert lefts == sorted(lefts)
        if len(digits) == 5:
            n_told_apart += 1
            predicted = softmax.predict(np.array([digit.pixels.ravel() for digit in digits]))
            n_right += int((predicted == y[start : start + 5]).sum())
    assert n_told_apart >= 47  # some of MNIST's digits fall apart, such as a 5 and its bar
    assert n_right / (5 * n_told_apart) >= softmax.score(X, y) - 0.02


# --- the command -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(softmax: SoftmaxRegression, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return softmax.save(tmp_path_factory.mktemp("model") / "softmax.npz")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        return int(caught.value.code or 0), *capsys.readouterr()

    return run


def save_png(array: np.ndarray, path: str) -> str:
    Image.fromarray(array).save(path)
    return path


def test_predict_a_picture(run: Callable[..., Any], model: Path, mnist: ImageData) -> None:
    picture = save_png(on_a_page([mnist.X_test[0].reshape(28, 28)], gap=9), "photo.png")
    (expected,) = load_model(model).predict(to_mnist(picture).reshape(1, -1)).tolist()
    status, out, err = run("predict", model, picture)
    assert (status, err) == (0, "")
    assert f"photo.png: predicted {expected}" in out
    assert "ink" not in out
    status, steps, _ = run("predict", model, picture, "--show-steps")
    assert status == 0
    assert steps.endswith(out)
    for title in ("grey", "paper", "contrast", "ink"):
        assert f"{title}, from 0." in steps
    assert max(map(len, steps.splitlines())) <= 80
    found = json.loads(run("predict", model, picture, "--json")[1])
    (answer,) = found["answers"]
    assert (answer["picture"], answer["predicted"]) == ("photo.png", expected)
    assert found["classes"][int(np.argmax(answer["probabilities"]))] == expected


def test_predict_all_digits_of_a_picture(run: Callable[..., Any], model: Path, mnist: ImageData) -> None:
    images = mnist.X_test[:20].reshape(-1, 28, 28)
    whole = [image for image in images if ndimage.label(image, np.ones((3, 3)))[1] == 1]
    page = save_png(on_a_page(whole[:4], gap=5), "page.png")
    found = load_model(model).predict(np.array([digit.pixels.ravel() for digit in find_digits(page)]))
    assert len(found) == 4
    assert f"page.png: {' '.join(map(str, found))}\n" in run("predict", model, page, "--all")[1]
    status, out, err = run("predict", model, page)
    assert (status, out) == (1, "")
    assert (
        err
        == "mnistlr: error: page.png: expected one digit, found 4 side by side; find_digits (--all) tells them apart.\n"
    )


def test_predict_draws_the_steps_to_a_file(run: Callable[..., Any], model: Path, mnist: ImageData) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    picture = save_png(on_a_page([mnist.X_test[0].reshape(28, 28)], gap=9), "photo.png")
    assert "saved steps.png" in run("predict", model, picture, "-o", "steps.png")[1]
    assert np.asarray(Image.open("steps.png")).std() > 10


def test_predict_tells_what_it_cannot_do(run: Callable[..., Any], model: Path, tmp_path: Path) -> None:
    save_png(np.full((90, 90), 200, dtype=np.uint8), "blank.png")
    Path("text.png").write_text("no picture")
    small = SoftmaxRegression().fit(np.eye(4), [0, 1, 0, 1]).save(tmp_path / "small.npz")
    for arguments, expected, message in [
        ((model, "blank.png"), 1, "blank.png: the picture is empty"),
        ((model, "text.png"), 1, "text.png: this is no picture"),
        ((model, "none.png"), 1, "none.png: No such file"),
        ((small, "blank.png"), 1, "takes 4 features, but a picture becomes 28x28"),
        ((model,), 2, "PICTURE"),
        ((model, "blank.png", "-i", 3), 2, "PICTURE"),
        ((model, "-i", 3, "--all"), 2, "--all"),
        ((model, "a.png", "b.png", "-o", "c.png"), 2, "one PICTURE"),
    ]:
        status, out, err = run("predict", *arguments)
        assert (status, out) == (expected, "")
        assert err.startswith("mnistlr: error: ")
        assert message in err
        assert err.count("\n") == 1
