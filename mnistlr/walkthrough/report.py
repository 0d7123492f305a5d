"""The walk-through as one HTML file that needs nothing beside it: pictures, styles and text in one."""

import base64
import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnistlr._support.files import atomic_write
from mnistlr._version import __version__
from mnistlr.walkthrough.build import Walk
from mnistlr.walkthrough.chapters.the_data import imports
from mnistlr.walkthrough.exhibit import About, Chapter, Table
from mnistlr.walkthrough.run import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCRIPTS = ("live/common.js", "live/training.js", "live/threshold.js", "live/matrix.js", "live/page.js")
CSS_PIXELS = 96  # in an inch
NARROW = 4.6  # inches, the most for a picture that could have any width
_SVG_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: smaller, and the browser knows how to draw it
    "svg.hashsalt": "mnistlr",  # the same figure gives the same bytes
}


@dataclass(frozen=True)
class EmbeddedPicture:
    """A figure as a page holds it: where it comes from (a data URI), its description, its size in CSS pixels."""

    source: str
    alt: str
    width: int
    height: int

    @classmethod
    def of(cls, figure: "Figure", alt: str) -> "EmbeddedPicture":
        """Draw a figure as SVG, which for all of these is smaller than PNG and sharp at any size."""
        import matplotlib

        width, height = figure.get_size_inches()
        if len(figure.axes) == 1 and figure.axes[0].get_aspect() == "auto":
            # Text keeps its size: where the page shrinks the picture to the width of a phone, it can still be read.
            width = min(width, NARROW)
            figure.set_size_inches(width, height)
            _fit_legend(figure)
        file = io.BytesIO()
        with matplotlib.rc_context(_SVG_SETTINGS):
            figure.savefig(file, format="svg", metadata={"Date": None})
        source = f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"
        return cls(source, alt, round(CSS_PIXELS * width), round(CSS_PIXELS * height))


def _fit_legend(figure: "Figure") -> None:
    """Put a long legend above the axes, where it hides nothing; give one wider than the figure fewer columns."""
    from mnistlr.plots.style import legend_above

    ax = figure.axes[0]
    if len(ax.get_legend_handles_labels()[0]) > 4:
        legend_above(ax, 3)
    for n_columns in (2, 1):
        legend = ax.get_legend()
        if legend is not None and legend.get_window_extent().width > 0.95 * figure.bbox.width:
            legend_above(ax, n_columns)


def write_page(path: str | os.PathLike[str], walk: Walk, notices: Sequence[str] = (), origin: str = "") -> Path:
    """Write the page of a walk that has been run; whole or not at all.

    Parameters
    ----------
    path : path-like
    walk : Walk
    notices : sequence of str
        What must not be overlooked.
    origin : str
        The page's fingerprint, see ``mnistlr.walkthrough.origin``.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    page = render_page(walk.about, imports(walk.about), walk.chapters, walk.in_short(), list(notices), origin)
    with atomic_write(path) as file:
        file.write(page.encode())
    return Path(path)


def render_page(
    about: About,
    before: str,
    chapters: list[tuple[Chapter, list[Shown]]],
    in_short: Table,
    notices: list[str],
    origin: str = "",
) -> str:
    """Render the page.

    Parameters
    ----------
    about : About
    before : str
        The lines of code that come first.
    chapters : list of (Chapter, list of Shown)
    in_short : Table
        The results, at the top of the page.
    notices : list of str
        What must not be overlooked.
    origin : str
        As for `write_page`.

    Returns
    -------
    str
        The HTML.
    """
    environment = Environment(
        loader=PackageLoader("mnistlr.walkthrough", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    style, script = _source("report.css"), "\n".join(map(_source, SCRIPTS))
    shown: list[Any] = [(chapter, [_drawn(one) for one in exhibits]) for chapter, exhibits in chapters]
    return environment.get_template("report.html").render(
        about=about,
        before=before,
        chapters=shown,
        in_short=in_short,
        notices=notices,
        origin=origin,
        version=__version__,
        style=Markup(style),
        style_hash=_checksum(style),
        script=Markup(script),
        script_hash=_checksum(script),
    )


def _source(name: str) -> str:
    return files("mnistlr").joinpath(f"walkthrough/templates/{name}").read_text(encoding="utf-8")


def _checksum(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _unbroken(text: str) -> str:
    """Keep together what should not be broken at the end of a line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace("L-BFGS", "L\N{NON-BREAKING HYPHEN}BFGS")


def _drawn(shown: Shown) -> dict[str, Any]:
    alts = shown.seen.alt
    pictures = [EmbeddedPicture.of(figure, alt) for figure, alt in zip(shown.figures, alts, strict=True)]
    return {
        "exhibit": shown.exhibit,
        "pictures": pictures,
        "printed": shown.printed,
        "text": shown.seen.text,
        "live": shown.live,
    }
