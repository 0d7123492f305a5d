"""Digits in characters: every dot where the pixel is, in any kind of terminal."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from mnistlr.cli.terminal import draw_contributions, draw_explanation, draw_grid, draw_image, draw_matrix, draw_table
from mnistlr.metrics.explanation import Explanation
from mnistlr.metrics.summary import ClassificationSummary


def plain(encoding: str = "utf-8", width: int = 80) -> Console:
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=width)


def in_colour() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80)


def printed(drawn: object, console: Console) -> list[str]:
    with console.capture() as capture:
        console.print(drawn)
    return capture.get().rstrip("\n").split("\n")


def assert_fits(drawn: object, console: Console) -> list[str]:
    """Nothing is wrapped, cut or wider than the terminal."""
    lines = printed(drawn, console)
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()) for line in lines) <= console.width
    assert "…" not in "".join(lines)
    assert len(printed(drawn, Console(file=console.file, width=1000))) == len(lines)
    return lines


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
    lines = "\n".join(printed(draw_image(image, in_colour()), in_colour()))
    pattern = r"38;2;(\d+);\1;\1;48;2;(\d+);\2;\2m(▀+)"
    pairs = [(int(u), int(v)) for u, v, run in re.findall(pattern, lines) for _ in run]
    assert pairs == list(zip(image[::2].ravel(), image[1::2].ravel(), strict=True))


def test_ascii_where_the_encoding_has_no_blocks(image: np.ndarray) -> None:
    text = draw_image(image, plain("ascii")).plain
    assert text.isascii()
    assert len(text.split("\n")) == 14
    for intensity, character in ((255, "@"), (0, " ")):
        assert set(draw_image(np.full_like(image, intensity), plain("ascii")).plain) == {character, "\n"}


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
    lines = printed(draw_matrix(ClassificationSummary([[8, 2], [1, 9]], labels=["cat", "dog"]), plain()), plain())
    assert [line.split() for line in lines if line.strip(" ─")] == [
        ["true", "cat", "dog", "recall"],
        ["cat", "8", "2", "80.0", "%"],
        ["dog", "1", "9", "90.0", "%"],
        ["prec.", "89", "%", "82", "%", "85.0", "%"],
    ]


@pytest.mark.parametrize("width", [15, 40, 60, 80])
def test_no_number_is_cut_however_narrow_the_terminal(width: int) -> None:
    console = plain(width=width)
    numbers = [f"0.{k}23" for k in range(10)]
    table = "\n".join(printed(draw_table(("", *map(str, range(10))), [("P", *numbers)]), console))
    assert table.split().count("P") == table.count("─\n")  # the name stands before each part
    assert [word for word in table.split() if word.startswith("0.")] == numbers
    summary = ClassificationSummary(np.arange(100).reshape(10, 10))
    for drawn in (draw_explanation(explanation(), (28, 28), console), draw_matrix(summary, console)):
        assert "…" not in "\n".join(printed(drawn, console))


# --- confusion matrices of any size ------------------------------------------------------------------------

LETTERS = list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")


@pytest.mark.parametrize(
    ("n_classes", "labels"),
    [
        (2, ["no", "yes"]),
        (10, None),
        (10, ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]),
        (47, LETTERS),
        (62, None),
        (100, None),
        (10, [f"a name of {k} that has no room" for k in range(10)]),
    ],
)
def test_matrix_of_any_counts_never_wraps_at_80_columns(n_classes: int, labels: list[str] | None) -> None:
    counts = np.arange(n_classes**2).reshape(n_classes, -1)
    for matrix in (counts, 9999 - counts):
        summary = ClassificationSummary(matrix, labels)
        for console in (plain(), plain("ascii"), in_colour()):
            lines = assert_fits(draw_matrix(summary, console), console)
            assert len(lines) >= 10 + 4 or n_classes != 10


def test_matrix_of_47_classes_has_a_character_for_each_cell() -> None:
    matrix = np.diag(np.full(47, 100))
    matrix[3, 5], matrix[3, 6], matrix[4, 7], matrix[5, 8], matrix[46, 0] = 1, 2, 6, 12, 30
    lines = printed(draw_matrix(ClassificationSummary(matrix, LETTERS), plain()), plain())
    assert lines[0] == "true " + "".join(LETTERS) + "   recall"
    cells = [line[5:52] for line in lines[1:48]]
    assert [row[k] for k, row in enumerate(cells)] == ["\\"] * 47
    assert (cells[3][5], cells[3][6], cells[4][7], cells[5][8], cells[46][0]) == (".", ":", "#", "@", "@")
    assert sum(len(row.replace(" ", "")) for row in cells) == 47 + 5
    assert lines[4].split()[0] == "3"
    assert lines[4].endswith(f"{100 * 100 / 103:.1f} %")


def test_matrix_of_100_classes_becomes_its_most_confused_pairs() -> None:
    matrix = np.eye(100, dtype=int)
    matrix[17, 4] = 5
    lines = printed(draw_matrix(ClassificationSummary(matrix), plain()), plain())
    assert lines[2].split() == ["17", "4", "5"]
    assert len(lines) == 3


def test_matrix_is_heat_mapped_and_right_answers_are_not() -> None:
    lines = printed(draw_matrix(ClassificationSummary([[90, 10], [3, 97]]), in_colour()), in_colour())
    rows = [line for line in lines if "%" in line][:2]
    backgrounds = [re.findall(r"48;2;(\d+);(\d+);(\d+)", row) for row in rows]
    assert [len(found) for found in backgrounds] == [1, 1]
    (strong,), (weak,) = ([tuple(map(int, found)) for found in row] for row in backgrounds)
    assert strong == (230, 159, 0)
    assert sum(weak) < sum(strong)


# --- explanations ------------------------------------------------------------------------------------------


def explanation(n_classes: int = 10) -> Explanation:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 10:18] = 255
    contributions = np.zeros((n_classes, 28, 28))
    contributions[1, 4:14, 10:18], contributions[0, 14:24, 10:18] = 0.05, 0.03
    contributions = contributions.reshape(n_classes, -1)
    raw = contributions.sum(axis=1)
    odds = np.exp(raw)
    labels = np.arange(n_classes) if n_classes <= 10 else np.array(LETTERS[:n_classes])
    return Explanation(labels, pixels.ravel(), contributions, np.zeros(n_classes), raw, odds / odds.sum())


def test_contributions_are_blue_where_they_are_for_and_orange_where_against() -> None:
    values = np.zeros((28, 28))
    values[:14], values[14:] = 1.0, -0.5
    for row, line in enumerate(printed(draw_contributions(values, in_colour()), in_colour())):
        found = re.findall(r"38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m(▀+)", line)
        assert sum(len(run) for *_, run in found) == 28
        for *colours, _ in found:
            for red, _, blue in (map(int, colours[:3]), map(int, colours[3:])):
                assert (blue > red) == (row < 7)
    assert "38;2;0;0;0;48;2;0;0;0" in printed(draw_contributions(values * 0, in_colour()), in_colour())[0]


def test_contributions_have_signs_where_there_is_no_colour() -> None:
    values = np.zeros((28, 28))
    values[2:4], values[4:6], values[6:8], values[8:10], values[10:12] = 1.0, 0.2, 0.05, -0.2, -1.0
    lines = draw_contributions(values, plain("ascii")).plain.split("\n")
    assert [set(line) for line in lines[:7]] == [{" "}, {"#"}, {"+"}, {" "}, {"-"}, {"="}, {" "}]


@pytest.mark.parametrize("n_classes", [2, 10, 47])
def test_explanation_fits_80_columns_and_tells_what_decided(n_classes: int) -> None:
    why = explanation(n_classes)
    for console in (plain(), plain("ascii"), in_colour()):
        assert len(assert_fits(draw_explanation(why, (28, 28), console), console)) == 14 + 4
    lines = printed(draw_explanation(why, (28, 28), plain()), plain())
    text = "\n".join(lines)
    assert "+ # are for 1, - = are for 0." in text
    assert "1 leads 0 by 1.60 nats: 1.60 from the pixels, 0.00 from the intercepts." in text
    assert "Without the ink of 32 pixels, 0 would score as high." in text
    assert [line.split()[-2:] for line in lines[1 : 1 + min(n_classes, 10)]] == [
        [f"{100 * why.probabilities[k]:.1f}", "%"] for k in why.ranking[:10]
    ]


def test_explanation_in_a_narrow_terminal_stands_in_a_column() -> None:
    lines = printed(draw_explanation(explanation(), (28, 28), plain(width=40)), plain(width=40))
    assert [line.rstrip() for line in lines[:14]] == [
        line.rstrip() for line in draw_image(explanation().pixels.reshape(28, 28), plain()).plain.split("\n")
    ]
    assert max(map(len, lines)) <= 40


def test_explanation_where_no_pixels_decided() -> None:
    why = explanation()
    why = replace(why, contributions=why.contributions * 0, intercept=np.arange(10.0), raw_prediction=np.arange(10.0))
    text = "\n".join(printed(draw_explanation(why, (28, 28), plain()), plain()))
    assert "Without the ink of all the pixels that spoke for it, it would still win." in text
