"""Why a model gave its answer: the image, what each pixel contributed to the scores, and the decisive pixels."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mnistlr._support.arrays import Floats
from mnistlr.metrics.explanation import Explanation, explain
from mnistlr.plots.display import Display
from mnistlr.plots.style import (
    BLUE,
    ORANGE,
    POINTS_A_CHARACTER,
    SMALL,
    against_for,
    as_images,
    axes_or_new,
    centred,
    colour_bar,
    dress,
    ink_of,
    open_frame,
    split,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS = 10


def plot_explanation(
    explanation: Explanation, *, true_label: Any = None, image_shape: tuple[int, int] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw why a model gave its answer to one image.

    From left to right: the image; what its pixels contributed to the score of the answer, and to that of the
    runner-up; their difference, which decided, dots on the fewest pixels without which it would have gone the other
    way; the scores of the (ten) best classes with their probabilities. A model of two classes has one score, which is
    that difference.

    Parameters
    ----------
    explanation : Explanation
        What :func:`mnistlr.explain` returned.
    true_label : optional
        The right answer, if known.
    image_shape : tuple of int, optional
        Rows and columns of the image, where they are not equal.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on, which are split into the five; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        That which was split; its parts are ``child_axes``.

    Raises
    ------
    ArgumentError
        If the pixels make no image of ``image_shape``, or no square one.
    """
    why = explanation
    image = as_images(why.pixels[None], image_shape)[0]
    parts = _parts(why)
    maps = as_images(np.stack([contributions for _, _, contributions in parts]), image_shape)
    n_tiles = 1 + len(parts)
    beside_bars = 0.32 + POINTS_A_CHARACTER / 72 / 2 * max(len(str(label)) for label in why.classes)
    ax = axes_or_new(ax, 4.2 + 1.95 * n_tiles, 2.9)
    *tiles, bars = split(ax, [1.0] * n_tiles + [1.25], [0.15] * (n_tiles - 1) + [beside_bars])
    tiles[0].imshow(image, cmap="gray_r", vmin=0, vmax=ink_of(image), interpolation="nearest")
    norm = centred(maps)
    for tile, contributions in zip(tiles[1:], maps, strict=True):
        drawn = tile.imshow(contributions, cmap=against_for(), norm=norm, interpolation="nearest")
    rows, columns = np.divmod(why.decisive_pixels, image.shape[1])
    tiles[-1].plot(columns, rows, "o", color="black", markersize=3, markeredgecolor="white", markeredgewidth=0.5)
    is_true = "" if true_label is None else f", label {true_label}"
    heads = [("the image" + is_true, f"{image.shape[0]} × {image.shape[1]} pixels")]
    heads += [(title, below) for title, below, _ in parts]
    for tile, (title, below) in zip(tiles, heads, strict=True):
        dress(tile, title=title, x=below)
        tile.set_xticks([])
        tile.set_yticks([])
        tile.spines[:].set_color("0.7")
    colour_bar(drawn, ax, "contribution to the score (nats)", location="left", fraction=0.03, pad=0.02)
    _draw_scores(bars, why)
    return ax


class ExplanationDisplay(Display):
    """Why a model gave its answer to one image, drawn by :func:`plot_explanation`.

    Parameters
    ----------
    explanation : Explanation
    true_label : optional
    image_shape : tuple of int, optional

    Examples
    --------
    >>> from mnistlr import SoftmaxRegression, load_digits
    >>> from mnistlr.plots import ExplanationDisplay
    >>> X, y = load_digits()
    >>> model = SoftmaxRegression(random_state=0).fit(X, y)
    >>> bool(ExplanationDisplay.from_estimator(model, X[0]).explanation.label == 0)
    True
    """

    def __init__(
        self, explanation: Explanation, true_label: Any = None, image_shape: tuple[int, int] | None = None
    ) -> None:
        self.explanation = explanation
        self.true_label = true_label
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls, estimator: Any, image: Any, *, true_label: Any = None, image_shape: tuple[int, int] | None = None,
        ax: "Axes | None" = None,
    ) -> Self:  # fmt: skip
        """Explain the answer of a fitted linear model to one image, and draw it."""
        return cls(explain(estimator, image), true_label, image_shape).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw on ``ax``, by default on a new figure."""
        self.ax_ = plot_explanation(self.explanation, true_label=self.true_label, image_shape=self.image_shape, ax=ax)
        return self


def _parts(why: Explanation) -> list[tuple[str, str, Floats]]:
    """Return the title, the line below, and the contributions of each map."""
    n = len(why.decisive_pixels)
    decided = f"{n} pixel{'s' * (n != 1)} decided (dots)" if n else "no few pixels decided"
    parts = [(f"{why.label} rather than {why.runner_up}", f"margin {why.margin:.2f}\n{decided}", why.decision)]
    if len(why.classes) > 2:
        parts[:0] = [
            (f"for {why.classes[k]}", f"score {why.raw_prediction[k]:.2f}", why.contributions[k])
            for k in why.ranking[:2]
        ]
    return parts


def _draw_scores(ax: "Axes", why: Explanation) -> None:
    best = why.ranking[:_MOST_BARS]
    scores = why.raw_prediction[best]
    colours = [BLUE, ORANGE, *["0.75"] * (len(best) - 2)]
    ax.barh(range(len(best)), scores, color=colours, edgecolor="black", linewidth=0.5)
    for k, probability in enumerate(why.probabilities[best]):  # in a column at the right
        ax.text(1.02, k, _percent(probability), transform=ax.get_yaxis_transform(), fontsize=SMALL, va="center")
    ax.axvline(0, color="black", linewidth=0.8)
    open_frame(ax)
    ax.grid(visible=False, axis="y")
    ax.invert_yaxis()
    title = "scores and probabilities" + (
        f", {_MOST_BARS} best of {len(why.classes)}" * (len(why.classes) > _MOST_BARS)
    )
    dress(ax, title=title, x="score (nats)", y="class")
    ax.set_yticks(range(len(best)), [str(label) for label in why.classes[best]])


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"
