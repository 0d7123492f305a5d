"""Draw the exhibits of the walk-through in the terminal."""

from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text as RichText

from mnistlr.cli.terminal import draw_image, draw_matrix, draw_table
from mnistlr.metrics import ClassificationSummary
from mnistlr.walkthrough.exhibit import Block, Table
from mnistlr.walkthrough.run import Shown


def draw_exhibit(shown: Shown, number: int, title: str, console: Console) -> Group:
    """Draw an exhibit of the walk-through: its title, number, seconds and code, then what there is to see."""
    code = [
        RichText(f"{'...' if line.startswith((' ', '}')) else '>>>'} {line}", "cyan")
        for line in shown.exhibit.code.splitlines()
    ]
    return Group(_head(f"{number}. {title} ", f" {shown.seconds:.2f} s", console), *code, *_draw_blocks(shown, console))


def draw_summary(table: Table, number: int, console: Console) -> Group:
    """Draw the results at the end of the walk-through."""
    return Group(_head(f"{number}. In short ", "", console), "", draw_table(table.columns, table.rows), "")


def _head(title: str, seconds: str, console: Console) -> RichText:
    dash = "-" if console.options.ascii_only else "─"
    dashes = dash * max(1, console.width - len(title) - len(seconds))
    return RichText.assemble((title, "bold"), (dashes, "dim"), seconds)


def _draw_blocks(shown: Shown, console: Console) -> list[Any]:
    drawn: list[Any] = []
    for before, block in zip([None, *shown.blocks], shown.blocks, strict=False):
        if not (isinstance(before, str) and isinstance(block, str)):  # lines of text follow each other
            drawn.append("")
        drawn.append(_draw_block(block, console))
    return [*drawn, ""]


def _draw_block(block: Block, console: Console) -> Any:
    match block:
        case str():
            return RichText(block)
        case Table():
            return draw_table(block.columns, block.rows)
        case ClassificationSummary():
            return draw_matrix(block, console)
        case _:
            return Padding(draw_image(block, console), (0, 0, 0, 4))
