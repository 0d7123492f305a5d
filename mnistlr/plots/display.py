"""The base class of the Displays, which hold numbers that ``plot`` draws."""

import io
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Display:
    """A figure that has not been drawn yet: it holds its data, draws with :meth:`plot`, and shows itself in a notebook.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn last.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``. It is unknown to pyplot unless it was given: for a window, pass
        ``ax=plt.subplots()[1]``.
    """

    ax_: "Axes"

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw on ``ax``, by default on a new figure."""
        raise NotImplementedError

    @property
    def figure_(self) -> "Figure":
        """The figure of ``ax_``."""
        figure: Figure = self.ax_.figure.figure  # of subfigures the whole
        return figure

    def _repr_png_(self) -> bytes:
        """Return the picture that a notebook shows."""
        if not hasattr(self, "ax_"):
            self.plot()
        drawn = io.BytesIO()
        self.figure_.savefig(drawn, format="png", dpi=100)
        return drawn.getvalue()
