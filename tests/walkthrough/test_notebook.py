"""The notebook: the code of the report, in order, and it runs."""

import json
import sys
from pathlib import Path

import pytest

from mnistlr.datasets.named import load_named
from mnistlr.walkthrough import About, write_notebook
from mnistlr.walkthrough.build import build_chapters
from tests.helpers.command_runs import Run, assert_error

nbformat = pytest.importorskip("nbformat")


@pytest.fixture(scope="module")
def about() -> About:
    return About.of(load_named("digits"))


@pytest.fixture(scope="module")
def path(about: About, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_notebook(tmp_path_factory.mktemp("notebook") / "tour.ipynb", about)


def test_notebook_has_the_code_of_the_report(path: Path, about: About) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    exhibits = [exhibit for chapter in build_chapters(about) for exhibit in chapter.exhibits]
    code = {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}
    assert list(code) == ["imports", *(exhibit.name for exhibit in exhibits)]
    assert list(code.values())[1:] == [exhibit.cell for exhibit in exhibits]
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert not any(set(text) & set("*_`<>[]\\|") for text in texts)  # they mean the same in Markdown
    assert texts[0].startswith("# ")
    headings = [text.splitlines()[0] for text in texts]
    chapters = [f"## {k}. {chapter.title}" for k, chapter in enumerate(build_chapters(about), 1)]
    assert [heading for heading in headings if heading.startswith("## ")] == chapters
    assert sum(heading.startswith("### ") for heading in headings) == len(exhibits)


def test_same_data_same_bytes(path: Path, about: About, tmp_path: Path) -> None:
    assert write_notebook(tmp_path / "again.ipynb", about).read_bytes() == path.read_bytes()


def test_command(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = run("tour", "--dataset", "digits", "--no-report", "--notebook", "tour.ipynb", "--seed", 5)
    assert (status, err) == (0, "")
    assert "\nsaved tour.ipynb\n" in out
    assert "random_state=5" in json.dumps(json.loads((tmp_path / "tour.ipynb").read_text()))
    monkeypatch.setitem(sys.modules, "nbformat", None)
    outcome = run("tour", "--dataset", "digits", "--notebook", "other.ipynb")
    message = (
        "writing a notebook needs nbformat, which is not installed; install it with: pip install 'mnistlr[notebook]'\n"
    )
    assert_error(outcome, 1, f"mnistlr: error: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["tour.ipynb"]


@pytest.mark.long
def test_notebook_runs_top_to_bottom(path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    for cell in [cell for cell in notebook.cells if cell.cell_type == "code"]:
        kinds = {output.output_type for output in cell.outputs}
        if cell.id not in ("imports", "load", "split"):
            data = [output.data for output in cell.outputs if "data" in output]
            assert data or kinds == {"stream"}, cell.id  # a table is printed
            assert all("image/png" in one for one in data), cell.id
        assert kinds <= {"display_data", "execute_result", "stream"}, cell.id
        # What goes to stderr is a warning.
        assert not [o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stderr"], cell.id
