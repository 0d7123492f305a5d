"""Dependencies point one way: kernels <- samples <- objective <- solvers <- training <- estimators <- what is above."""

import ast
import importlib
import sys
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
TRAINING |= {"training", "estimators"}

# What each part may import besides itself. cli stands on top and may import anything.
MAY_IMPORT = {
    "_support": {"exceptions"},
    "_version": set(),
    "exceptions": set(),
    "kernels": {"_support"},
    "datasets": BASE,
    "plots": BASE | {"metrics"},
    "images": BASE,
    "samples": BASE | {"kernels"},
    "objective": BASE | {"kernels", "samples"},
    "solvers": BASE | {"kernels", "samples", "objective"},
    "training": BASE | {"samples", "objective", "solvers", "datasets"},
    "on_dask": TRAINING | {"metrics"},
    "estimators": TRAINING | {"metrics", "saving"},  # save() hands itself on
    "features": TRAINING | {"metrics"},
    "metrics": BASE | {"kernels"},
    "saving": TRAINING,
    "warmup": TRAINING | {"metrics"},
    "trace": TRAINING | {"warmup"},
    "walkthrough": TRAINING | {"metrics", "plots", "trace"},
    "draw": TRAINING | {"images", "saving"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if name.startswith("mnistlr."):
                yield name.split(".")[1]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_dependencies_point_one_way(part):
    files = sorted((ROOT / part).rglob("*.py")) if (ROOT / part).is_dir() else [ROOT / f"{part}.py"]
    assert files
    found = {name for file in files for name in imports(file)} - {part}
    assert found <= MAY_IMPORT[part]


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

    They are estimators, _support/foreign (is this on Dask?), training, samples, objective, solvers/sgd and step_size,
    and kernels/passes, compiled, for some of the samples. Four more are entered without the data: _support/threads
    (how many there are), solvers/curvature, kernels/records and lanes (room for weights).
    """
    X, y = np.random.default_rng(0).integers(0, 256, (600, 20), dtype=np.uint8), np.arange(600) % 3
    entered, with_data = [], []

    def holds_data(value):
        if isinstance(value, np.ndarray):
            return np.shares_memory(value, X)
        return isinstance(value, Samples | Objective | Data)

    def note(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and ROOT in path.parents:
            name = str(path.relative_to(ROOT))
            code = frame.f_code
            arguments = [frame.f_locals.get(argument) for argument in code.co_varnames[: code.co_argcount]]
            for files in [entered] + [with_data] * any(map(holds_data, arguments)):
                if name not in files:
                    files.append(name)

    def first_step(data, *_):
        sys.setprofile(None)
        assert np.shares_memory(data.X, X)
        raise InterruptedError

    monkeypatch.setattr(importlib.import_module("mnistlr.solvers.sgd"), "sgd_steps", first_step)
    for profile in (None, note):  # the first fit compiles or loads the kernels
        sys.setprofile(profile)
        try:
            with pytest.raises(InterruptedError):
                SoftmaxRegression(random_state=0).fit(X, y)
        finally:
            sys.setprofile(None)
    assert with_data[0] == "estimators.py"
    assert "solvers/sgd.py" in with_data
    assert len(with_data) <= 9, with_data
    assert len(entered) <= len(with_data) + 5, entered
