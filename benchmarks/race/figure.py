"""Draw a race: how near each solver is to the optimum, and how often it is wrong, against the seconds it took."""

import math
from pathlib import Path

from benchmarks.race.report import OURS, Race, medians

MOST_LINES = 8
OF_OURS = 3


def chosen(race: Race) -> list[str]:
    """Return the solvers to draw, at most ``MOST_LINES``: of ours and of the peers those quickest at some level."""
    times = medians(race)
    ranks: dict[str, tuple[int, float]] = {}
    for seconds in zip(*times.values(), strict=True):
        at_this = dict(zip(times, seconds, strict=True))
        for is_ours in (True, False):
            those = [name for name in times if name.startswith(OURS) == is_ours and math.isfinite(at_this[name])]
            for place, name in enumerate(sorted(those, key=at_this.__getitem__)):
                ranks[name] = min(ranks.get(name, (place, at_this[name])), (place, at_this[name]))
    best = sorted((name for name in ranks if race.curves.get(name)), key=ranks.__getitem__)
    ours = [name for name in best if name.startswith(OURS)][:OF_OURS]
    return ours + [name for name in best if not name.startswith(OURS)][: MOST_LINES - len(ours)]


def draw(race: Race, path: Path) -> bool:
    """Draw suboptimality and test error against seconds; return False where matplotlib is missing."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return False
    from mnistlr.plots.style import NORMAL, dress, line_style, open_frame

    with rc_context({"svg.hashsalt": "mnistlr", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        axes = figure.subplots(1, 2)
        errors = []
        for number, name in enumerate(chosen(race)):
            points = sorted(race.curves[name], key=lambda point: point["setting"])
            style = line_style(number) | {"label": name, "marker": "." if len(points) == 1 else ""}
            style["linewidth"] = 2.5 if name.startswith(OURS) else 1.5
            seconds = [point["seconds"] for point in points]
            errors += [100 * (1 - point["test_accuracy"]) for point in points]
            axes[0].plot(seconds, [max(point["suboptimality"], 1e-9) for point in points], **style)
            axes[1].plot(seconds, errors[-len(points) :], **style)
        axes[0].set(xscale="log", yscale="log", ylim=(1e-8, 3))
        axes[1].set(xscale="log", ylim=(0.9 * min(errors, default=1), 2.5 * min(errors, default=1)))
        for panel, title in zip(axes, ("relative distance from the optimum", "wrong on test images, %"), strict=True):
            dress(panel, x="seconds", y=title)
            open_frame(panel)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=NORMAL)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
    return True
