"""Write a race down: tables, figures, all readings as data, and the part of the benchmarks' README."""

import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.race.figure import draw
from benchmarks.race.report import Race, about, headline, losses, slug, table

FOLDER = Path(__file__).parents[1]
README, FIGURES, READINGS = FOLDER / "README.md", FOLDER / "figures", FOLDER / "readings"
BEGIN, END = "<!-- made by python -m benchmarks.race --readme -->", "<!-- end -->"


def write_readings(races: list[Race], folder: Path) -> None:
    """Write all readings, and the curves that were seen when scouting, as CSV files: ``race.csv``, ``curves.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = ("solver", "measure", "level", "setting", "prepare_seconds", "warm_up_seconds", "peak_megabytes")
    readings = [
        {"task": race.data.get("task", race.data["dataset"])}
        | {name: row[name] for name in facts}
        | {"reading": number, "seconds": seconds}
        for race in races
        for row in race.rows
        for number, seconds in enumerate(row["seconds"], start=1)
    ]
    points = [
        {"task": race.data.get("task", race.data["dataset"]), "solver": name} | point
        for race in races
        for name, curve in race.curves.items()
        for point in curve
    ]
    for name, lines in (("race.csv", readings), ("curves.csv", points)):
        columns = list(dict.fromkeys(column for line in lines for column in line))
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            for line in lines:
                writer.writerow({key: f"{v:.6g}" if isinstance(v, float) else v for key, v in line.items()})


def write_all(races: list[Race], file: Path, *, readme: bool) -> None:
    """Write rows and curves as JSON, tables as Markdown and figures beside it.

    With ``readme`` also the part of the benchmarks' README, its figures, and the readings that it refers to.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(race) for race in races], indent=1))
    pages = []
    for race in races:
        pages += ["## " + ", ".join(map(str, reversed(race.data.values()))), about(race), table(race, brief=False)]
        pages += [f"- {name} does not take part: {reason}" for name, reason in race.skipped.items()]
        if not draw(race, file.parent / f"race-{slug(race)}.svg"):
            pages.append("No figure: matplotlib is not installed.")
    page = "\n\n".join([*pages, losses(races)])
    (file.parent / "race.md").write_text(page + "\n")
    print(f"\n{page}")
    if readme:
        text = headline(races, sys.argv[1:])
        (file.parent / "headline.md").write_text(text + "\n")
        write_readings(races, READINGS)
        for race in races:
            draw(race, FIGURES / f"{slug(race)}.svg")
        replace_part(README, text)


def replace_part(readme: Path, text: str) -> None:
    """Put ``text`` between the README's two marks."""
    before, mark, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"expected {BEGIN} and {END} in {readme}, found not both; nothing is changed.")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
