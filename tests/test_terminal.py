"""Digits in characters: every dot where the pixel is, in any kind of terminal."""

import io
import re

import numpy as np
import pytest
from rich.console import Console

from mnistlr.summary import ClassificationSummary
from mnistlr.terminal import draw_grid, draw_image, draw_matrix


def plain(encoding: str = "utf-8", width: int = 80) -> Console:
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=width)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)


def test_half_blocks_show_each_pixel(image: np.ndarray) -> None:
    lines = draw_image(image, plain()).plain.split("\n")
    drawn = np.array([[(c in "▀█", c in "▄█") for c in line] for line in lines])
    assert drawn.shape == (14, 28, 2)
    assert np.array_equal(drawn[:, :, 0], image[::2] >= 96)
    assert np.array_equal(drawn[:, :, 1], image[1::2] >= 96)


def test_colours_are_the_intensities(image: np.ndarray) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80)
    with console.capture() as capture:
        console.print(draw_image(image, console))
    pattern = r"38;2;(\d+);\1;\1;48;2;(\d+);\2;\2m(▀+)"
    pairs = [(int(u), int(v)) for u, v, run in re.findall(pattern, capture.get()) for _ in run]
    assert pairs == list(zip(image[::2].ravel(), image[1::2].ravel(), strict=True))


def test_ascii_where_the_encoding_has_no_blocks(image: np.ndarray) -> None:
    text = draw_image(image, plain("ascii")).plain
    assert text.isascii()
    assert len(text.split("\n")) == 14
    black, white = np.full((28, 28), 255, np.uint8), np.zeros((28, 28), np.uint8)
    assert set(draw_image(black, plain("ascii")).plain) == {"@", "\n"}
    assert set(draw_image(white, plain("ascii")).plain) == {" ", "\n"}


def test_small_images_are_enlarged_and_odd_ones_padded() -> None:
    lines = draw_image(np.full((8, 8), 255, np.uint8), plain()).plain.split("\n")
    assert lines == ["█" * 24] * 12
    lines = draw_image(np.full((29, 30), 255, np.uint8), plain()).plain.split("\n")
    assert lines == ["█" * 30] * 14 + ["▀" * 30]


def test_grid_has_a_dot_for_each_pixel(image: np.ndarray) -> None:
    images = np.stack([image, 255 - image, image])
    lines = draw_grid(images, 2, plain()).plain.split("\n")
    assert len(lines) == 2 * 7
    assert [len(line) for line in lines] == [29] * 7 + [14] * 7
    dots = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]  # Unicode's numbering of braille dots
    for k, (top, left) in enumerate([(0, 0), (0, 15), (7, 0)]):
        for i, j in [(0, 0), (5, 9), (27, 27), (13, 2)]:
            cell = ord(lines[top + i // 4][left + j // 2]) - 0x2800
            assert bool(cell & dots[i % 4][j % 2]) == (images[k, i, j] >= 96)


def test_grid_shrinks_to_the_width_or_says_that_it_cannot(image: np.ndarray) -> None:
    images = np.stack([image] * 10)
    assert max(map(len, draw_grid(images, 10, plain()).plain.split("\n"))) == 79
    assert draw_grid(images, 10, plain("ascii")).plain.isascii()
    with pytest.raises(ValueError, match="40 images side by side need 199 columns, and this terminal has 80"):
        draw_grid(images, 40, plain())


def test_matrix_shows_counts_recall_and_precision() -> None:
    console = plain()
    with console.capture() as capture:
        console.print(draw_matrix(ClassificationSummary([[8, 2], [1, 9]], labels=["cat", "dog"]), console))
    rows = [line.split() for line in capture.get().split("\n") if line.strip(" ─")]
    assert rows == [
        ["true", "cat", "dog", "recall"],
        ["cat", "8", "2", "80.0", "%"],
        ["dog", "1", "9", "90.0", "%"],
        ["prec.", "89", "%", "82", "%", "85.0", "%"],
    ]


def test_matrix_of_the_largest_counts_fits_80_columns() -> None:
    console = plain()
    matrix = np.full((10, 10), 9999)
    with console.capture() as capture:
        console.print(draw_matrix(ClassificationSummary(matrix), console))
    assert "…" not in capture.get()
    assert len(capture.get().rstrip().split("\n")) == 10 + 4
