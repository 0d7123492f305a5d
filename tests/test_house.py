"""The tests are laid out as the package is."""

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
