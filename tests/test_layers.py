"""Dependencies point one way: kernels <- samples <- objective <- solvers <- training <- estimators <- what is above."""

import ast
import importlib
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import mnistlr
from mnistlr import SoftmaxRegression
from mnistlr.kernels.records import Data
from mnistlr.objective import Objective
from mnistlr.samples import Samples

ROOT = Path(mnistlr.__file__).parent
BASE = {"_support", "_version", "exceptions"}
TRAINING = BASE | {"kernels", "samples", "objective", "solvers", "datasets"}
TRAINING |= {"stopping", "weighting", "training", "parameters", "estimators"}

# What each part may import besides itself, from the bottom up: only parts above it in this list.
MAY_IMPORT = {
    "_version": set(),
    "exceptions": set(),
    "_support": {"exceptions"},
    "kernels": {"_support"},
    "datasets": BASE,
    "images": BASE,
    "metrics": BASE | {"kernels"},
    "plots": BASE | {"metrics"},
    "samples": BASE | {"kernels"},
    "objective": BASE | {"kernels", "samples"},
    "solvers": BASE | {"kernels", "samples", "objective"},
    "weighting": BASE,
    "stopping": BASE | {"samples", "objective", "solvers"},
    "training": BASE | {"samples", "objective", "solvers", "stopping", "weighting", "datasets"},
    "parameters": BASE | {"training"},
    "estimators": TRAINING - {"estimators"} | {"metrics"},
    "features": TRAINING | {"metrics"},
    "on_dask": TRAINING | {"metrics", "features"},
    "saving": TRAINING | {"features"},
    "trained": BASE | {"features", "images"},
    "warmup": TRAINING | {"metrics", "features"},
    "trace": TRAINING | {"warmup"},
    "walkthrough": TRAINING | {"metrics", "plots", "trace"},
    "lessons": TRAINING | {"features", "metrics", "plots"},
    "draw": TRAINING | {"features", "images", "saving"},
}
MAY_IMPORT["cli"] = set(MAY_IMPORT) - {"on_dask"}
TOP = {"__init__", "__main__"}  # the public names and the command


def files_of(part):
    return sorted((ROOT / part).rglob("*.py")) if (ROOT / part).is_dir() else [ROOT / f"{part}.py"]


def modules(path):
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}: a relative import"
            names = [alias.name for alias in node.names] if node.module == "mnistlr" else []
            # from mnistlr come modules, and public names that have their home in one
            yield from [mnistlr._MODULE_OF.get(name, f"mnistlr.{name}") for name in names] or [node.module]


def test_there_is_no_circle_and_no_part_is_forgotten():
    parts = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert set(MAY_IMPORT) == parts - TOP
    below = set()
    for part, others in MAY_IMPORT.items():
        assert others <= below, part
        below.add(part)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_dependencies_point_one_way(part):
    found = {name.split(".")[1] for file in files_of(part) for name in modules(file) if name.startswith("mnistlr.")}
    assert found - {part} <= MAY_IMPORT[part]


def test_core_code_does_not_name_dask():
    """But for the error that a lost cluster is, how data on Dask are recognised, and a share of threads."""
    named = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if "dask" in path.read_text().lower()}
    elsewhere = {name for name in named if not name.startswith("on_dask/")}
    assert elsewhere == {"exceptions.py", "_support/foreign.py", "_support/threads.py"}
    outside = [path for part in MAY_IMPORT if part != "on_dask" for path in files_of(part)]
    libraries = {name.split(".")[0] for path in outside for name in modules(path)}
    assert not libraries & {"dask", "distributed"}


def private_names(path):
    """The names that a file imports and that other libraries may change without notice."""
    for node in ast.walk(ast.parse(path.read_text())):
        for name in (f"{node.module}.{alias.name}" for alias in node.names) if isinstance(node, ast.ImportFrom) else ():
            library, *parts = name.split(".")
            is_private = parts[0] in ("core", "misc") or any(re.match("_[a-z]", part) for part in parts)
            if is_private and library in ("sklearn", "scipy", "numba", "typer", "benchopt"):
                yield name


def test_private_names_of_others_are_each_used_in_one_file():
    files = defaultdict(set)
    for path in [*ROOT.rglob("*.py"), *(Path(__file__).parents[1] / "benchmarks").rglob("*.py")]:
        for name in private_names(path):
            files[name].add(str(path))
    assert {"sklearn.utils._param_validation.Interval", "numba.core.event.register"} <= set(files)
    assert {name: found for name, found in files.items() if len(found) > 1} == {}


def decorators(function):
    return {node.id for node in function.decorator_list if isinstance(node, ast.Name)}


def test_compiled_functions_take_few_arguments():
    compiled = [
        (f"{path.relative_to(ROOT)}: {node.name}", len(node.args.args))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and decorators(node) & {"jit", "jit_reorder", "jit_inline", "intrinsic"}
    ]
    assert len(compiled) > 40
    assert [name for name, count in compiled if count > 10] == []


def test_the_data_pass_few_files_on_the_way_from_fit_to_the_first_step(monkeypatch):
    """The files whose functions are handed the data, in the order in which they are entered.

    They are estimators, _support/foreign (is this on Dask?) and inputs, training, samples, objective, solvers/sgd and
    step_size, and kernels/passes, compiled, for some of the samples. More are entered without the data: parameters,
    weighting, stopping, _support/threads (how many there are), solvers/curvature and pieces, kernels/records and lanes.
    """
    X, y = np.random.default_rng(0).integers(0, 256, (600, 20), dtype=np.uint8), np.arange(600) % 3
    entered, with_data = {}, {}  # the keys of a dict keep their order

    def holds_data(value):
        if isinstance(value, np.ndarray):
            return np.shares_memory(value, X)
        return isinstance(value, Samples | Objective | Data)

    def note(frame, event, _):
        code, path = frame.f_code, Path(frame.f_code.co_filename)
        if event == "call" and ROOT in path.parents:
            entered[str(path.relative_to(ROOT))] = True
            if any(holds_data(frame.f_locals.get(name)) for name in code.co_varnames[: code.co_argcount]):
                with_data[str(path.relative_to(ROOT))] = True

    def first_step(data, *_):
        sys.setprofile(None)
        assert np.shares_memory(data.X, X)
        raise InterruptedError

    monkeypatch.setattr(importlib.import_module("mnistlr.solvers.sgd"), "sgd_steps", first_step)
    for profile in (None, note):  # the first fit compiles or loads the kernels
        sys.setprofile(profile)
        try:
            with pytest.raises(InterruptedError):
                SoftmaxRegression(solver="sgd", random_state=0).fit(X, y)
        finally:
            sys.setprofile(None)
    assert next(iter(with_data)) == "estimators.py"
    assert "solvers/sgd.py" in with_data
    assert len(with_data) <= 9, with_data
    assert len(entered) <= len(with_data) + 9, entered
