"""A page is made again when what it was made from has changed, and not otherwise."""

import dataclasses
from importlib.resources import files
from pathlib import Path

import pytest

from mnistlr.datasets.named import NamedData, load_named
from mnistlr.walkthrough import About, Walk, origin, write_page
from tests.helpers.command_runs import Run

pytest.importorskip("matplotlib", reason="needs the extra plots")


@pytest.fixture(scope="module")
def data() -> NamedData:
    return load_named("digits")


def test_the_fingerprint_depends_on_data_seed_notices_and_libraries(
    data: NamedData, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = About.of(data)
    found = {
        origin.fingerprint(about, data, []),
        origin.fingerprint(About.of(data, seed=1), data, []),
        origin.fingerprint(about, data, ["a notice"]),
        origin.fingerprint(about, data, [], n_threads=2),
        origin.fingerprint(about, dataclasses.replace(data, X_test=data.X_test[::-1].copy()), []),
        origin.fingerprint(about, dataclasses.replace(data, checksums={"train-images": "other"}), []),
    }
    assert origin.fingerprint(About.of(data), data, ()) in found
    monkeypatch.setattr(origin, "version", lambda library: "99")
    found.add(origin.fingerprint(about, data, []))
    assert len(found) == 7


def test_the_fingerprint_depends_on_every_source(
    data: NamedData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {name for name, _ in origin._sources(files("mnistlr"))}
    assert {"/walkthrough/templates/live/page.js", "/walkthrough/report.py", "/solvers/sgd.py"} <= names
    assert not any("__pycache__" in name for name in names)
    monkeypatch.setattr(origin, "files", lambda package: tmp_path)
    found = set()
    for contents in ("one", "two", "two"):
        (tmp_path / "a.js").write_text(contents)
        found.add(origin.fingerprint(About.of(data), data, []))
    assert len(found) == 2


def test_a_page_knows_its_origin(tmp_path: Path, data: NamedData) -> None:
    walk = Walk(About.of(data), draw=False)
    list(walk.run())
    walk.chapters = []  # whose pictures were not drawn
    page = tmp_path / "page.html"
    assert not origin.is_up_to_date(page, "abc")
    assert not origin.is_up_to_date(tmp_path, "abc")
    write_page(page, walk, origin="0123abc")
    assert origin.is_up_to_date(page, "0123abc")
    assert not origin.is_up_to_date(page, "0123abd")


def test_the_tour_draws_a_page_once(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def write(path: Path, walk: Walk, notices: object, origin: str) -> Path:
        drawn.append(walk.draw)
        path.write_text(origin)
        return path

    monkeypatch.setattr("mnistlr.walkthrough.write_page", write)
    monkeypatch.setattr("mnistlr.walkthrough.Walk", lambda about, draw: Walk(about, draw=False))  # for speed
    for seed, expected in ((1, "saved"), (1, "is up to date"), (2, "saved")):
        status, out, _ = run("tour", "--dataset", "digits", "--seed", seed, "-o", tmp_path / "page.html")
        assert status == 0
        assert expected in out
        assert "all ten digits, test images" in out
    assert len(drawn) == 2
