"""Draw digits, tables and steps in the terminal; plain text where there is no colour."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.style import Style
from rich.table import Table as RichTable
from rich.text import Text as RichText

from mnistlr.steps import Block, Matrix, Picture, Step, Table, Text
from mnistlr.summary import ClassificationSummary

_ASCII_INK = " .:-=+*#%@"  # from none to full
_INK = 96  # intensity from which a pixel counts as ink where there are no greys
# Bits of a braille character's dots, by row and column; U+2800 has none of them.
_BRAILLE_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def draw_image(pixels: NDArray[np.uint8], console: Console) -> RichText:
    """Draw an image, two rows of pixels in a row of characters.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns)
        Images with fewer than 28 columns are enlarged by a whole factor.
    console : Console
        In colours if it has them; else black and white if it knows half blocks; else in ASCII.
    """
    factor = max(1, 28 // pixels.shape[1])
    pixels = np.kron(pixels, np.ones((factor, factor), dtype=np.uint8))
    pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, 0)))
    upper, lower = pixels[::2], pixels[1::2]
    if console.options.ascii_only:
        level = (upper.astype(int) + lower) * len(_ASCII_INK) // 512
        return _lines([[(_ASCII_INK[k], None) for k in row] for row in level])
    if console.color_system is None or console.no_color:
        glyph = np.array([" ", "▀", "▄", "█"])[(upper >= _INK) + 2 * (lower >= _INK)]
        return _lines([[(g, None) for g in row] for row in glyph])
    return _lines(
        [
            [("▀", Style.parse(f"rgb({u},{u},{u}) on rgb({v},{v},{v})")) for u, v in zip(*rows, strict=True)]
            for rows in zip(upper, lower, strict=True)
        ]
    )


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


def draw_matrix(summary: ClassificationSummary, console: Console) -> RichTable:
    """Draw a confusion matrix, errors the redder the more of their row they are; recall right, precision below."""
    table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("true", justify="right")
    for label in summary.labels:
        table.add_column(str(label), justify="right", min_width=4)
    table.add_column("recall", justify="right")
    share = summary.matrix / np.maximum(summary.support, 1)[:, None]
    n_labels = len(summary.labels)
    for i, label in enumerate(summary.labels):
        cells = [RichText(f"{summary.matrix[i, j]:g}", _heat(share[i, j], i == j)) for j in range(n_labels)]
        table.add_row(str(label), *cells, f"{100 * summary.recall[i]:.1f} %", end_section=i == n_labels - 1)
    table.add_row("prec.", *(f"{100 * p:.0f} %" for p in summary.precision), f"{100 * summary.accuracy:.1f} %")
    return table


def draw_table(table: Table) -> RichTable:
    """Draw a table, names left, numbers right."""
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for k, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if k else "left", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*row)
    return drawn


def draw_step(step: Step, number: int, console: Console) -> Group:
    """Draw a step of a walk-through with its number and its seconds."""
    title, seconds = f"{number}. {step.title} ", f" {step.seconds:.2f} s"
    dash = "-" if console.options.ascii_only else "─"
    dashes = dash * max(1, console.width - len(title) - len(seconds))
    head = RichText.assemble((title, "bold"), (dashes, "dim"), seconds)
    code = [RichText(f"{'...' if line.startswith(' ') else '>>>'} {line}", "cyan") for line in step.code.splitlines()]
    drawn: list[Any] = []
    for before, block in zip([None, *step.blocks], step.blocks, strict=False):
        if not (isinstance(before, Text) and isinstance(block, Text)):  # lines of text stand together
            drawn.append("")
        drawn.append(_draw_block(block, console))
    return Group(head, *code, *drawn, "")


def _draw_block(block: Block, console: Console) -> Any:
    match block:
        case Text(text, is_loud):
            return RichText(text, "bold yellow" if is_loud else "")
        case Table():
            return draw_table(block)
        case Picture(pixels):
            return Padding(draw_image(pixels, console), (0, 0, 0, 4))
        case Matrix(summary):
            return draw_matrix(summary, console)


def _lines(rows: Sequence[Sequence[tuple[str, Style | None]]]) -> RichText:
    text = RichText(no_wrap=True)
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


def _heat(share: float, is_right: bool) -> str:
    """Return the style of a cell of a confusion matrix that holds this share of its row."""
    if is_right:
        return "bold green"
    if share < 0.02:
        return "" if share >= 0.005 else "dim"
    return f"white on rgb({80 + int(175 * min(1.0, 10 * share))},0,0)"  # full red from a tenth of the row
