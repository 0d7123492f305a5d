"""`mnistlr draw`: the page to draw a digit on."""

import sys
from pathlib import Path

from mnistlr._support.files import atomic_write, check_writable
from mnistlr.cli.console import open_console, open_in_browser
from mnistlr.saving.model_file import ModelFile, read_model_file


def draw(path: Path | None, output: Path, is_opened: bool) -> None:
    """Write the page to draw a digit on, and open it."""
    from mnistlr.draw.page import render_draw_page

    check_writable(output)
    page = render_draw_page(_model_to_draw() if path is None else read_model_file(path))
    with atomic_write(output) as file:
        file.write(page.encode())
    open_console().print(f"saved {output}", soft_wrap=True)
    if is_opened:
        open_in_browser(output)


def _model_to_draw() -> ModelFile:
    from mnistlr.cli.saved import load_model_file
    from mnistlr.draw.model import last_trained_model

    last = last_trained_model(Path())
    if last is None:
        return load_model_file(None)
    print(f"mnistlr: taking {last[0]}, the newest model in this folder", file=sys.stderr)
    return last[1]
