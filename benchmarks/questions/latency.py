"""Latency of predictions: one image, a hundred, ten thousand; labels and probabilities.

The same weights in scikit-learn, which gets the pixels as float64 beforehand, and (where they are installed) in
PyTorch, which gets float32, and as an ONNX model in ONNX Runtime, which gets the pixels as they are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression

from benchmarks.measuring.clocks import clock, take_turns
from benchmarks.measuring.report import Report, timed
from benchmarks.scoring import as_floats
from mnistlr import SoftmaxRegression

SIZES = (1, 100, 10_000)
AT_LEAST = 0.02  # seconds that a reading takes
GOALS = {("ONNX Runtime", 1): 1.5, ("ONNX Runtime", 100): 1.0}  # ours over theirs


def in_sklearn(model: SoftmaxRegression) -> Any:
    """Return scikit-learn's estimator with the weights for pixels / 255."""
    theirs = SklearnLogisticRegression()
    theirs.coef_, theirs.intercept_, theirs.classes_ = model.coef_ * 255, model.intercept_, model.classes_
    theirs.n_features_in_ = model.coef_.shape[1]
    return theirs


def in_torch(model: SoftmaxRegression) -> Callable[[Any], Any]:
    """Return a function of float32 pixels / 255 that gives the labels."""
    import torch

    W = torch.from_numpy((model.coef_ * 255).astype(np.float32).T.copy())
    b = torch.from_numpy(model.intercept_.astype(np.float32))

    def predict(X: Any) -> Any:
        with torch.inference_mode():
            return torch.addmm(b, torch.from_numpy(X), W).argmax(dim=1).numpy()

    return predict


def in_onnx(model: SoftmaxRegression) -> Callable[[Any], Any]:
    """Return a function of ``uint8`` pixels that gives the labels, by ONNX Runtime on the exported model."""
    import onnxruntime

    from mnistlr import to_onnx

    session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda X: session.run(["label"], {"X": X})[0]


def main() -> None:
    """Measure, print."""
    report = Report("Latency of predictions", repeats=9, quick_repeats=2)
    data = report.data()
    model = SoftmaxRegression(random_state=0).fit(data.X_train, data.y_train)
    theirs = in_sklearn(model)
    rivals: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "scikit-learn": (theirs.predict, np.float64),
        "scikit-learn, probabilities": (theirs.predict_proba, np.float64),
    }
    for name, make, dtype in (("PyTorch", in_torch, np.float32), ("ONNX Runtime", in_onnx, np.uint8)):
        try:
            rivals[name] = (make(model), dtype)
        except ImportError as error:
            print(f"{name} is skipped: {error}")
    for size in SIZES:
        raw = np.resize(data.X_test, (size, data.X_test.shape[1]))
        tasks = {
            "mnistlr": lambda X=raw: model.predict(X),
            "mnistlr, probabilities": lambda X=raw: model.predict_proba(X),
        }
        for name, (predict, dtype) in rivals.items():
            X_theirs = raw if dtype == np.uint8 else as_floats(raw, dtype)
            tasks[name] = lambda X=X_theirs, predict=predict: predict(X)
        times = take_turns({n: clock(t, 0 if report.quick else AT_LEAST) for n, t in tasks.items()}, report.repeats)
        rows = []
        for name, seconds in times.items():
            ours = "mnistlr, probabilities" if "probabilities" in name else "mnistlr"
            rows.append(timed(name, seconds))
            if not name.startswith("mnistlr"):
                ratio = timed("", times[ours], "", seconds, GOALS.get((name, size)))
                rows[-1].against, rows[-1].ratio = f"{ours} / this", ratio.ratio
                rows[-1].goal, rows[-1].met = ratio.goal, ratio.met
        report.table(f"{size:,} image{'s' * (size > 1)}", rows)
    report.close()


if __name__ == "__main__":
    main()
