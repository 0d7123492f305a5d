"""What the README names is there: imports, commands and their options, files."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import mnistlr
from mnistlr.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
OPTIONAL = ("sklearn.callback", "distributed", "my_rival")  # scikit-learn 1.9, an extra, a name made up


@pytest.mark.parametrize("code", CODE)
def test_names_can_be_imported(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "mnistlr":
            names = {alias.name for alias in node.names}
            assert names <= set(importlib.import_module(node.module).__all__), node.module
        elif isinstance(node, ast.ImportFrom):
            assert node.module in OPTIONAL or node.module.partition(".")[0] == "benchmarks"


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
