"""How a notebook shows a summary and an explanation: tables and a picture, as HTML."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mnistlr.metrics.explanation import Explanation
    from mnistlr.metrics.summary import ClassificationSummary

_FOR, _AGAINST = "#0072B2", "#D55E00"  # as in mnistlr.plots
_SIDE = 196  # of a picture, in CSS pixels


def summary_as_html(summary: "ClassificationSummary") -> str:
    """Return the accuracy beside its baseline, and a table of the classes."""
    rows = [
        [label, f"{precision:.4f}", f"{recall:.4f}", f"{f1:.4f}", support]
        for label, precision, recall, f1, support in zip(
            summary.labels, summary.precision, summary.recall, summary.f1, summary.support.tolist(), strict=True
        )
    ]
    head = f"<p>accuracy <b>{summary.accuracy:.4f}</b>, baseline {summary.baseline:.4f}</p>"
    return head + _table(["", "precision", "recall", "F1", "support"], rows)


def explanation_as_html(why: "Explanation") -> str:
    """Return the answer, the most probable classes, and for square images what each pixel spoke for."""
    best = why.ranking[:5]
    rows = [[why.classes[k], f"{why.raw_prediction[k]:.2f}", f"{why.probabilities[k]:.3f}"] for k in best]
    head = (
        f"<p><b>{escape(str(why.label))}</b> rather than {escape(str(why.runner_up))}, by {why.margin:.2f} nats. "
        "Blue pixels spoke for it, orange ones against it.</p>"
    )
    return head + _picture(why.decision) + _table(["", "score", "probability"], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    def line(tag: str, cells: Sequence[Any]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line('th', heads)}{''.join(line('td', row) for row in rows)}</table>"


def _picture(contributions: Any) -> str:
    side = int(np.sqrt(len(contributions)))
    if side * side != len(contributions):
        return ""
    most = np.abs(contributions).max() or 1.0
    squares = "".join(
        f'<rect x="{k % side}" y="{k // side}" width="1" height="1" fill="{_FOR if value > 0 else _AGAINST}" '
        f'fill-opacity="{abs(value) / most:.2f}"/>'
        for k, value in enumerate(contributions.tolist())
        if abs(value) >= most / 100
    )
    return (
        f'<svg viewBox="0 0 {side} {side}" width="{_SIDE}" height="{_SIDE}" role="img" '
        f'aria-label="contributions of the pixels"><rect width="{side}" height="{side}" fill="#fff"/>{squares}</svg>'
    )
