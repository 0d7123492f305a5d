"""What the README names is there: imports, commands and their options, files."""

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnistlr
from mnistlr.cli import main
from mnistlr.datasets import load_digits

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHERS = [(ROOT / name).read_text(encoding="utf-8") for name in ("benchmarks/README.md", "CONTRIBUTING.md")]
CODE = re.findall(r"```python\n(.*?)```", "\n".join([README, *OTHERS]), re.DOTALL)
OPTIONAL = ("sklearn.callback", "distributed", "my_rival")  # scikit-learn 1.9, an extra, a name made up


@pytest.mark.parametrize("code", CODE)
def test_names_can_be_imported(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "mnistlr":
            if node.module == "mnistlr.on_dask":
                pytest.importorskip("distributed")
            names = {alias.name for alias in node.names}
            assert names <= set(importlib.import_module(node.module).__all__), node.module
        elif isinstance(node, ast.ImportFrom):
            assert node.module in OPTIONAL or node.module.partition(".")[0] == "benchmarks"


def test_a_solver_stepped_through_ends_where_fit_does(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = (code for code in CODE if "in lbfgs(" in code)
    assert len(code.strip().splitlines()) <= 15
    names: dict[str, Any] = {}
    exec(code, names)
    X, y = load_digits()
    fit = mnistlr.SoftmaxRegression(solver="lbfgs", alpha=1e-4, tol=1e-4).fit(X, y)
    np.testing.assert_array_equal(names["W"] * names["objective"].samples.unit, fit.coef_)
    np.testing.assert_array_equal(names["b"], fit.intercept_)
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == len(fit.history_["objective"]) == fit.n_iter_ + 1
    assert len({len(line) for line in lines}) == 1
    assert float(lines[-1].split()[1]) == pytest.approx(fit.history_["objective"][-1], abs=1e-5)
    assert last.startswith(f"{fit.score(X, y):.1%} ")


def test_the_table_has_all_commands_and_their_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    rows = re.findall(r"^\| `mnistlr (\w+).*$", README, re.MULTILINE)
    with pytest.raises(SystemExit):
        main(["--help"])
    assert set(rows) == set(re.findall(r"^\W+ (\w+) {2,}[A-Z]", capsys.readouterr().out, re.MULTILINE))
    for line in re.findall(r"^\| `mnistlr .*$", README, re.MULTILINE):
        with pytest.raises(SystemExit):
            main([line.split()[2].strip("`"), "--help"])
        text = capsys.readouterr().out
        for option in re.findall(r"(?<![\w-])--?[a-z][\w-]*", line.partition("`mnistlr")[2]):
            assert option in text, (line, option)


def test_files_are_there() -> None:
    package = Path(mnistlr.__file__).parent
    how = README.partition("## How it works")[2].partition("## ")[0]
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", how):
        assert (package / name).exists() or any(package.rglob(name)), name


def test_it_is_short_and_its_pictures_and_pages_are_there() -> None:
    assert len(README.splitlines()) <= 130
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).is_file(), link


def test_the_map_of_the_house_has_every_folder() -> None:
    house = OTHERS[1].partition("## The map of the house")[2].partition("\n## ")[0]
    package = Path(mnistlr.__file__).parent
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    assert folders == set(re.findall(r"^\| `mnistlr/(\w+)/`", house, re.MULTILINE))
    for name in re.findall(r"`((?:mnistlr|benchmarks|tests)/[\w/.]*)`", OTHERS[1]):
        assert (ROOT / name).exists() or (package.parent / name).exists(), name


def test_the_citation_names_this_version() -> None:
    assert f"\nversion: {mnistlr.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
