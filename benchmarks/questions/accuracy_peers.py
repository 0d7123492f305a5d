"""The peers of ``accuracy``: each yields seconds of training so far, and its test accuracy, as it goes on.

They get pixels / 255 as float32, converted outside of the clock. What cannot train further starts anew, larger, and
counts the last run alone.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Progress = Iterator[tuple[float, float]]


def mlp(X: Any, y: Any, X_test: Any, y_test: Any) -> Progress:
    """Train scikit-learn's network of one hidden layer, an epoch at a time."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((256,), batch_size=128, learning_rate_init=1e-3, random_state=0)
    X, X_test, seconds = _floats(X), _floats(X_test), 0.0
    for _ in range(60):
        began = time.perf_counter()
        model.partial_fit(X, y, classes=np.unique(y))
        seconds += time.perf_counter() - began
        yield seconds, model.score(X_test, y_test)


def svc(X: Any, y: Any, X_test: Any, y_test: Any) -> Progress:
    """Train scikit-learn's support vector machine, C and gamma as in the literature, on more and more samples."""
    from sklearn.svm import SVC

    X, X_test = _floats(X), _floats(X_test)
    for n in _growing(len(y), 5000):
        model = SVC(C=5, gamma=0.025, cache_size=1000)
        began = time.perf_counter()
        model.fit(X[:n], y[:n])
        yield time.perf_counter() - began, model.score(X_test, y_test)


def histogram_boosting(X: Any, y: Any, X_test: Any, y_test: Any) -> Progress:
    """Train scikit-learn's boosted trees, two more for each class at a time."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        learning_rate=0.2, max_iter=1, early_stopping=False, warm_start=True, random_state=0
    )
    seconds = 0.0
    for trees in range(2, 300, 2):
        began = time.perf_counter()
        model.set_params(max_iter=trees).fit(X, y)
        seconds += time.perf_counter() - began
        yield seconds, model.score(X_test, y_test)


def lightgbm(X: Any, y: Any, X_test: Any, y_test: Any) -> Progress:
    """Train LightGBM, a tree for each class at a time."""
    from lightgbm import Booster, Dataset

    settings = {
        "objective": "multiclass", "num_class": len(np.unique(y)), "learning_rate": 0.2, "verbosity": -1, "seed": 0,
    }  # fmt: skip
    X, X_test = _floats(X), _floats(X_test)
    began = time.perf_counter()
    booster, seconds = Booster(settings, Dataset(X, y)), time.perf_counter() - began
    for _ in range(300):
        began = time.perf_counter()
        booster.update()
        seconds += time.perf_counter() - began
        yield seconds, float(np.mean(booster.predict(X_test).argmax(axis=1) == y_test))


def small_cnn(X: Any, y: Any, X_test: Any, y_test: Any) -> Progress:
    """Train two convolutions and a hidden layer in PyTorch, a quarter of an epoch at a time."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, int(y.max()) + 1),
    )  # fmt: skip
    images, tests = (torch.from_numpy(_floats(part)).reshape(-1, 1, 28, 28) for part in (X, X_test))
    labels = torch.from_numpy(y.astype(np.int64))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    seconds, batch = 0.0, 64
    for _ in range(20):
        order = torch.randperm(len(labels))
        for quarter in order.chunk(4):
            began = time.perf_counter()
            for rows in quarter.split(batch):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(images[rows]), labels[rows]).backward()
                optimizer.step()
            seconds += time.perf_counter() - began
            with torch.no_grad():
                answers = np.concatenate([net(part).argmax(1).numpy() for part in tests.split(1000)])
            yield seconds, float(np.mean(answers == y_test))


def _floats(X: Any) -> Any:
    return X.astype(np.float32) / np.float32(255)


def _growing(most: int, first: int) -> Iterator[int]:
    while first < most:
        yield first
        first *= 2
    yield most


PEERS: tuple[tuple[str, Callable[..., Progress]], ...] = (
    ("small CNN, PyTorch", small_cnn),
    ("MLPClassifier", mlp),
    ("SVC", svc),
    ("LightGBM", lightgbm),
    ("HistGradientBoosting", histogram_boosting),
)
