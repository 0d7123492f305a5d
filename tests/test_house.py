"""The tests are laid out as the package is, and nothing in it has the name of another thing."""

import ast
from collections import Counter
from pathlib import Path

import mnistlr

TESTS = Path(__file__).parent
OF_THEIR_OWN = {"attacks", "benchmarks", "data", "helpers"}


def test_a_folder_of_tests_for_each_folder_of_the_package() -> None:
    package = {path.parent.name for path in Path(mnistlr.__file__).parent.glob("*/__init__.py")}
    tests = {path.name for path in TESTS.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert tests - OF_THEIR_OWN == package


def test_tests_lie_where_pytest_looks_and_helpers_hold_none() -> None:
    files = list(TESTS.rglob("*.py"))
    assert all((path.parent / "__init__.py").is_file() for path in files)
    assert not [path for path in files if path.parent.name == "helpers" and path.name.startswith("test_")]
    strays = [
        path for path in files if path.parent.name != "helpers" and not path.name.startswith(("test_", "__init__"))
    ]
    assert [path.name for path in strays] == ["conftest.py"]


def test_two_files_or_two_classes_have_two_names() -> None:
    """Ordinary estimators and those on Dask are called alike, so that only the import has to change."""
    paths = [path for path in Path(mnistlr.__file__).parent.rglob("*.py") if not path.name.startswith("__")]
    files = Counter(path.name for path in paths)
    classes = Counter(
        node.name
        for path in paths
        if path.parent.name != "on_dask"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in (files + classes).items() if count > 1] == []
