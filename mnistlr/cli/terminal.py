"""Draw digits and tables in the terminal; plain text where there is no colour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.style import Style
from rich.table import Table as RichTable
from rich.text import Text as RichText

from mnistlr.metrics.explanation import Explanation
from mnistlr.metrics.summary import ClassificationSummary, write_count

_ASCII_INK = " .:-=+*#%@"  # from none to full
_FOR, _AGAINST = (86, 180, 233), (230, 159, 0)  # Okabe's and Ito's sky blue and orange, on black for zero
# How an error is drawn by its share of its row, where a matrix has no room for numbers.
_ERROR_GLYPHS = ((0.0, "."), (0.01, ":"), (0.02, "+"), (0.05, "#"), (0.1, "@"))
_INK = 96  # intensity from which a pixel counts as ink where there are no greys
# Bits of a braille character's dots, by row and column; U+2800 has none of them.
_BRAILLE_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def draw_image(pixels: NDArray[np.uint8], console: Console) -> RichText:
    """Draw an image, two rows of pixels in a row of characters.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns)
        Images of fewer than 28 rows and columns are enlarged by a whole factor.
    console : Console
        Draw in colours if it has them, in half blocks if it knows them, and otherwise in ASCII.
    """
    upper, lower = _halves(pixels)
    if console.options.ascii_only:
        level = (upper.astype(int) + lower) * len(_ASCII_INK) // 512
        return _lines([[(_ASCII_INK[k], None) for k in row] for row in level])
    if not _has_colours(console):
        glyph = np.array([" ", "▀", "▄", "█"])[(upper >= _INK) + 2 * (lower >= _INK)]
        return _lines([[(g, None) for g in row] for row in glyph])
    return _lines(
        [
            [("▀", Style.parse(f"rgb({u},{u},{u}) on rgb({v},{v},{v})")) for u, v in zip(*rows, strict=True)]
            for rows in zip(upper, lower, strict=True)
        ]
    )


def draw_contributions(contributions: NDArray[np.float64], console: Console) -> RichText:
    """Draw what each pixel contributed, two rows of pixels in a row of characters.

    Parameters
    ----------
    contributions : ndarray of float64, shape (rows, columns)
        Of any size; zero is black, the largest in either direction full colour. Small ones are enlarged.
    console : Console
        With colours, blue is for and orange against. Without, ``+`` and ``#`` are for, ``-`` and ``=`` against.
    """
    strength = contributions / (np.abs(contributions).max() or 1.0)
    upper, lower = _halves(strength)
    if not _has_colours(console):
        mean = (upper + lower) / 2
        # Under a tenth nothing is drawn; from 0.4 on the stronger sign.
        level = np.sign(mean) * np.searchsorted([0.1, 0.4], np.abs(mean), side="right")
        return _lines([[("=- +#"[int(k) + 2], None) for k in row] for row in level])
    return _lines(
        [
            [("▀", Style.parse(f"{_contribution(u)} on {_contribution(v)}")) for u, v in zip(*rows, strict=True)]
            for rows in zip(upper, lower, strict=True)
        ]
    )


def draw_explanation(why: Explanation, image_shape: tuple[int, int], console: Console) -> Group:
    """Draw an image, what decided between the best two classes, and the scores of the (ten) best.

    Parameters
    ----------
    why : Explanation
        Of an image of ``uint8``.
    image_shape : tuple of int
        Rows and columns of the image.
    console : Console
        From 80 columns on the three are drawn side by side.
    """
    first, second = why.ranking[:2]
    scores = RichTable(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("class", "score", "P"):
        scores.add_column(name, justify="right", no_wrap=True)
    for k in why.ranking[:10]:
        label = str(why.classes[k])
        scores.add_row(_shorten(label, 8), f"{why.raw_prediction[k]:.2f}", f"{100 * why.probabilities[k]:.1f} %")
    image = draw_image(why.pixels.reshape(image_shape), console)
    decision = draw_contributions(why.decision.reshape(image_shape), console)
    side_by_side = RichTable.grid(padding=(0, 2, 0, 0))
    side_by_side.add_row(image, decision, scores)
    panels = side_by_side if console.width >= 80 else Group(image, decision, Whole(scores))
    side = "Right" if console.width >= 80 else "Second"
    keys = ("blue is", "orange is") if _has_colours(console) else ("+ # are", "- = are")
    ink, bias = why.decision.sum(), why.intercept[first] - why.intercept[second]
    n = len(why.decisive_pixels)
    less = f"{n} pixel{'s' * (n != 1)}" if n else "all the pixels that spoke for it"
    verdict = f"{why.runner_up} would score as high" if n else "it would still win"
    conclusion = f"Without the ink of {less}, {verdict}."
    if why.from_edges:
        conclusion = f"The edges at {less} gave {'as much as' if n else 'less than'} this lead."
    lines = (
        f"{side}: {keys[0]} for {why.label}, {keys[1]} for {why.runner_up}.",
        f"{why.label} leads {why.runner_up} by {why.margin:.2f} nats: "
        f"{ink:.2f} from the pixels, {bias:.2f} from the intercepts.",
        conclusion,
    )
    return Group(panels, "", *lines)


def draw_grid(images: NDArray[np.uint8], n_columns: int, console: Console) -> RichText:
    """Draw many images small, in braille dots, ``n_columns`` of them side by side.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, rows, columns)
    n_columns : int
    console : Console
        Images are shrunk by a whole factor until they fit its width.

    Raises
    ------
    ValueError
        If they do not fit even when shrunk to a quarter.
    """
    for factor in (1, 2, 3, 4):
        width = math.ceil(images.shape[2] / factor / 2)  # in characters of two dots
        if n_columns * (width + 1) - 1 <= console.width:
            break
    else:
        raise ValueError(
            f"{n_columns} images side by side need {n_columns * (width + 1) - 1} columns, and this terminal has "
            f"{console.width}; take a narrower grid, or write it to a file with -o FILE.png."
        )
    tiles = [_braille(_shrink(image, factor), console.options.ascii_only) for image in images]
    lines = []
    for start in range(0, len(tiles), n_columns):
        lines += [" ".join(parts) for parts in zip(*tiles[start : start + n_columns], strict=True)]
    return RichText("\n".join(lines), no_wrap=True)


def draw_matrix(summary: ClassificationSummary, console: Console) -> Any:
    """Draw a confusion matrix with recall at the right and precision below.

    The larger an error's share of its row, the stronger its orange. Where the numbers are too wide, each cell is drawn
    as one character. Where that is too wide as well, the ten most confused pairs are listed instead.
    """
    if 5 * len(summary.labels) <= console.width:  # else measuring would only take time
        table = _matrix_of_numbers(summary)
        if console.measure(table, options=console.options.update(max_width=10_000)).maximum <= console.width:
            return table
    names = [_shorten(str(label), 8) for label in summary.labels]
    width = max(len("true"), *map(len, names))
    if width + 1 + len(names) + len("  100.0 %") <= console.width:
        return _matrix_of_characters(summary, names, width)
    pairs = summary.most_confused(10)
    rows = [(str(pair.true_label), str(pair.predicted_label), write_count(pair.n_samples)) for pair in pairs]
    return draw_table(("most confused: true", "predicted", "images"), rows)


def _matrix_of_numbers(summary: ClassificationSummary) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("true", justify="right")
    for label in summary.labels:
        table.add_column(str(label), justify="right", min_width=4, no_wrap=True)
    table.add_column("recall", justify="right", no_wrap=True)
    share = summary.matrix / np.maximum(summary.support, 1)[:, None]
    n_labels = len(summary.labels)
    for i, label in enumerate(summary.labels):
        cells = [RichText(write_count(summary.matrix[i, j]), _heat(share[i, j], i == j)) for j in range(n_labels)]
        table.add_row(str(label), *cells, f"{100 * summary.recall[i]:.1f} %", end_section=i == n_labels - 1)
    table.add_row("prec.", *(f"{100 * p:.0f} %" for p in summary.precision), f"{100 * summary.accuracy:.1f} %")
    return table


def _matrix_of_characters(summary: ClassificationSummary, names: list[str], width: int) -> Group:
    """Draw a character for each cell: a backslash for what is right, else how large a share of its row it is."""
    share = summary.matrix / np.maximum(summary.support, 1)[:, None]
    height = max(map(len, names))
    text = RichText(no_wrap=True)
    for line in range(height):  # the names of the columns, downwards
        upright = "".join(name.rjust(height)[line] for name in names)
        is_last = line == height - 1
        text.append(f"{'true' if is_last else '':>{width}} {upright}{'   recall' if is_last else ''}\n")
    for i, name in enumerate(names):
        text.append(f"{name:>{width}} ")
        for j in range(len(names)):
            text.append("\\" if i == j else _error_glyph(share[i, j]), _heat(share[i, j], i == j))
        text.append(f"  {100 * summary.recall[i]:5.1f} %" + "\n" * (i < len(names) - 1))
    key = ", ".join(f"{glyph} from {100 * least:g} %" if least else f"{glyph} some" for least, glyph in _ERROR_GLYPHS)
    return Group(text, "Errors, by their share of the row:", f"{key}.")


@dataclass(frozen=True)
class Whole:
    """Something that is drawn in its full width, for the terminal to wrap: rich would cut its cells."""

    drawn: Any

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        width = console.measure(self.drawn, options=options.update(max_width=10_000)).maximum
        yield from console.render(self.drawn, options.update(width=max(width, options.max_width)))


@dataclass(frozen=True)
class NumberTable:
    """A table, names left, numbers right; several below each other where the screen is too narrow for one."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as many columns side by side as fit, but at least one beside the names."""
        names, *widths = [max(map(cell_len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        parts: list[list[int]] = [[]]
        for k, width in enumerate(widths, start=1):
            taken = names + sum(2 + widths[j - 1] for j in parts[-1])
            if parts[-1] and taken + 2 + width > options.max_width:
                parts.append([])
            parts[-1].append(k)
        for part in parts:
            yield Whole(_number_table(*([line[k] for k in (0, *part)] for line in (self.columns, *self.rows))))


def draw_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> NumberTable:
    """Draw a table, names left, numbers right."""
    return NumberTable(columns, rows)


def _number_table(columns: Sequence[str], *rows: Sequence[str]) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for k, column in enumerate(columns):
        drawn.add_column(column, justify="right" if k else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*row)
    return drawn


def _has_colours(console: Console) -> bool:
    return console.color_system is not None and not console.no_color and not console.options.ascii_only


def _halves(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Enlarge images of fewer than 28 rows and columns by a whole factor; return the upper and lower rows of a line."""
    factor = max(1, 28 // max(pixels.shape))
    pixels = np.kron(pixels, np.ones((factor, factor), dtype=pixels.dtype))
    pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, 0)))
    return pixels[::2], pixels[1::2]


def _contribution(strength: float) -> str:
    """Return the colour of a contribution between -1 and 1."""
    full = _FOR if strength > 0 else _AGAINST
    red, green, blue = (round(abs(strength) ** 0.6 * part) for part in full)  # weak ones are to be seen as well
    return f"rgb({red},{green},{blue})"


def _shorten(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "."


def _lines(rows: Sequence[Sequence[tuple[str, Style | None]]]) -> RichText:
    text = RichText(no_wrap=True, overflow="ignore")
    for k, row in enumerate(rows):
        text.append("\n" if k else "")
        for character, style in row:
            text.append(character, style)
    return text


def _shrink(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    rows, columns = (-(-n // factor) for n in image.shape)
    padded = np.pad(image, ((0, rows * factor - image.shape[0]), (0, columns * factor - image.shape[1])))
    means: NDArray[np.float64] = padded.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    return means.astype(np.uint8)


def _braille(image: NDArray[np.uint8], ascii_only: bool) -> list[str]:
    rows, columns = -(-image.shape[0] // 4), -(-image.shape[1] // 2)
    padded = np.pad(image, ((0, rows * 4 - image.shape[0]), (0, columns * 2 - image.shape[1])))
    cells = padded.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)
    if ascii_only:
        level = (cells.mean(axis=(2, 3)) * len(_ASCII_INK) // 256).astype(int)
        return ["".join(_ASCII_INK[k] for k in row) for row in level]
    dots = ((cells >= _INK) * _BRAILLE_DOTS).sum(axis=(2, 3))
    return ["".join(chr(0x2800 + k) for k in row) for row in dots]


def _error_glyph(share: float) -> str:
    reached = [glyph for least, glyph in _ERROR_GLYPHS if share > 0 and share >= least]
    return reached[-1] if reached else " "


def _heat(share: float, is_right: bool) -> str:
    """Return the style of a cell of a confusion matrix that holds this share of its row."""
    if is_right:
        return "bold"
    if share < 0.02:
        return "" if share >= 0.005 else "dim"
    strength = 0.3 + 0.7 * min(1.0, 10 * share)  # full orange from a tenth of the row
    red, green, blue = (round(strength * part) for part in _AGAINST)
    return f"{'black' if strength > 0.68 else 'white'} on rgb({red},{green},{blue})"
