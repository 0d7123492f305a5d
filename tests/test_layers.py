"""Dependencies point one way: kernels <- samples <- objective <- solvers <- training <- estimators <- what is above."""

import ast
from pathlib import Path

import pytest

import mnistlr

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
    # save() hands itself on, and fit() and predict() what is on Dask, when called
    "estimators": TRAINING | {"metrics", "saving", "on_dask"},
    "features": TRAINING | {"metrics"},
    "metrics": BASE | {"kernels", "on_dask"},  # which it hands on what is on Dask
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
