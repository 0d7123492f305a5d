"""From ink to the 28x28 pixels of MNIST, against the definition and against MNIST itself."""

from fractions import Fraction

import numpy as np
import pytest

from mnistlr import ImageError
from mnistlr.images import normalise
from mnistlr.images.normalise import centre
from tests.conftest import ImageData


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
