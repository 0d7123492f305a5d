"""Report a race: tables in Markdown, and the part of the benchmarks' README made of them."""

import math
import re
from dataclasses import dataclass
from typing import Any

from benchmarks.measuring.clocks import quartiles
from benchmarks.measuring.report import show_time

OURS = "mnistlr"
BRIEF = 3


@dataclass
class Race:
    """One data set, its levels, a row for every solver and level, curves, and the solvers that did not take part."""

    data: dict[str, Any]
    levels: list[tuple[str, float]]
    rows: list[dict[str, Any]]
    curves: dict[str, list[dict[str, float]]]
    skipped: dict[str, str]
    optimum: float


def medians(race: Race) -> dict[str, list[float]]:
    """Return for every solver its median seconds, level by level; infinity where it does not get there."""
    found: dict[str, list[float]] = {}
    for row in race.rows:
        median = quartiles(row["seconds"])[1] if row["seconds"] else math.inf
        found.setdefault(row["solver"], []).append(median)
    return found


def best_of_ours(times: dict[str, list[float]]) -> list[float]:
    """Return level by level the seconds of the quickest of ours."""
    return [min(values) for values in zip(*(v for name, v in times.items() if name.startswith(OURS)), strict=True)]


def quickest_peers(times: dict[str, list[float]]) -> set[str]:
    """Return the peers that at some level are among the ``BRIEF`` quickest."""
    peers = {name: seconds for name, seconds in times.items() if not name.startswith(OURS)}
    return {
        name
        for level in zip(*peers.values(), strict=True)
        for seconds, name in sorted(zip(level, peers, strict=True))[:BRIEF]
        if math.isfinite(seconds)
    }


def title(level: tuple[str, float]) -> str:
    """Return the name of a column."""
    kind, value = level
    return f"{value:.1%} right" if kind == "test_accuracy" else f"{value:.0e} from optimum".replace("e-0", "e-")


def times_ours(ratio: float) -> str:
    """Return a ratio to ours in two digits, or all of them."""
    return f"{ratio:.2g}" if ratio < 99.5 else f"{ratio:,.0f}"


def ratio_to(seconds: float, ours: float) -> str:
    """Return how many times ours a time is; in bold where a peer is faster."""
    if not (math.isfinite(seconds) and math.isfinite(ours)):
        return ""
    shown = times_ours(seconds / ours)
    return f" (**{shown}**)" if seconds < ours else f" ({shown})"


def at_least(patience: float, ours: float) -> str:
    """Return the cell of a solver that did not get there, with the ratio of the patience to our time."""
    return f"> {patience:g} s" + (f" (> {times_ours(patience / ours)})" if patience > ours else "")


def spread(seconds: list[float]) -> str:
    """Return half the distance of the quartiles, as a part of the median; nothing for a single reading."""
    low, median, high = quartiles(seconds)
    return f" ± {(high - low) / 2 / median:.0%}" if len(seconds) > 1 else ""


def memory_cell(megabytes: float | None, ours: float) -> str:
    """Return a peak, with how many times ours that is for a peer."""
    if megabytes is None:
        return ""
    return f"{megabytes:.0f} MB" + (f" ({times_ours(megabytes / ours)})" if math.isfinite(ours) else "")


def table(race: Race, *, brief: bool) -> str:
    """Return a Markdown table: a line a solver, a column a level.

    ``brief`` only names solvers that reach no level, and peers that at each have ``BRIEF`` others ahead of them.
    """
    times = medians(race)
    ours = best_of_ours(times)
    patience = race.rows[0]["patience"]
    facts = {row["solver"]: row for row in race.rows}
    lines = [
        "| solver | " + " | ".join(map(title, race.levels)) + " | peak memory | prepare + warm up |",
        "| --- |" + " --- |" * (len(race.levels) + 2),
    ]
    readings = {(row["solver"], (row["measure"], row["level"])): row["seconds"] for row in race.rows}
    most = max((row["peak_megabytes"] or 0 for row in race.rows if row["solver"].startswith(OURS)), default=0)
    absent, slow = [], []
    near = quickest_peers(times)
    order = sorted(times, key=lambda name: (not name.startswith(OURS), sorted(times[name]), name))
    for name in order:
        if brief and not any(map(math.isfinite, times[name])):
            absent.append(name)
            continue
        if brief and not name.startswith(OURS) and name not in near:
            slow.append(name)
            continue
        is_ours = name.startswith(OURS)
        cells = []
        for level, seconds, best in zip(race.levels, times[name], ours, strict=True):
            if not math.isfinite(seconds):
                cells.append(at_least(patience, math.inf if is_ours else best))
                continue
            those = readings[name, tuple(level)]
            cell = show_time(seconds) + spread(those) + ("" if is_ours else ratio_to(seconds, best))
            if not brief:
                low, _, high = map(show_time, quartiles(those))
                cell += f" [{low} - {high}, {len(those)} readings]" if len(those) > 1 else " [one reading]"
            cells.append(f"**{cell}**" if seconds == best and is_ours else cell)
        row = facts[name]
        memory = memory_cell(row["peak_megabytes"], math.inf if is_ours or not most else most)
        aside = f"{show_time(row['prepare_seconds'])} + {show_time(row['warm_up_seconds'])}"
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {memory} | {aside} |")
    if slow:
        lines.append(f"\nAt every level slower than {BRIEF} other peers, the quickest first: {', '.join(slow)}.")
    if absent:
        lines.append(f"\nNone of these levels within {patience:g} s: {', '.join(absent)}.")
    return "\n".join(lines)


def losses(races: list[Race]) -> str:
    """Return a sentence on where a peer is ahead of the best of ours."""
    found = []
    for race in races:
        times = medians(race)
        for number, ours in enumerate(best_of_ours(times)):
            ahead = [name for name, v in times.items() if not name.startswith(OURS) and v[number] < ours]
            if ahead:
                found.append(f"{race.data.get('task', '')}, {title(race.levels[number])}: {', '.join(ahead)}")
    return "Ahead of ours: " + "; ".join(found) + "." if found else "At none of these levels is a peer ahead of ours."


def about(race: Race) -> str:
    """Return machine, versions and date in a line."""
    facts = race.rows[0]["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['threads']} threads, load {facts['load']} at the end; "
        f"{versions}; {facts['date'][:10]}"
    )


def headline(races: list[Race], options: list[str]) -> str:
    """Return the README's part; ``options`` are those of the command that made it."""
    command = " ".join(["python -m benchmarks.race", *options])
    parts = [
        f"`{command}` on {about(races[0])}. Median time until a level is reached, ± half the distance of the "
        "quartiles; in brackets how many times the best of ours that is, bold where it is less. Memory: the peak "
        "beyond the pixels as loaded, and how many times that of our largest. All readings of all solvers are in "
        "[readings/race.csv](readings/race.csv), and the curves, of which the figures show eight, in "
        "[readings/curves.csv](readings/curves.csv)."
    ]
    for race in races:
        name = race.data.get("task", race.data["dataset"])
        parts += [f"**{name.capitalize()}**", table(race, brief=True)]
        parts.append(f"![Suboptimality and test error against seconds, {name}](figures/{slug(race)}.svg)")
    parts.append(losses(races))
    return "\n\n".join(parts)


def slug(race: Race) -> str:
    """Return the name of a figure's file."""
    return re.sub(r"\W+", "-", race.data.get("task", race.data["dataset"]))
