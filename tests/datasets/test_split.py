from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.utils import shuffle as sklearn_shuffle

from mnistlr import shuffle, split_mnist, stratified_split
from mnistlr.datasets import stratified_folds

LABELS = {
    "digits": np.random.default_rng(0).integers(0, 10, 997),
    "unbalanced": np.repeat([0, 1, 2, 3], [2, 7, 91, 900]),
    "strings": np.random.default_rng(1).choice(["four", "two", "eleven"], 101),
    "booleans": np.random.default_rng(2).random(250) < 0.1,
    "last class first": np.repeat([9, 3, 5, 1], [5, 8, 6, 7]),
}


def rows_for(y: np.ndarray) -> np.ndarray:
    """One feature: the number of the row, so that a row is known again wherever it ends up."""
    return np.arange(len(y)).reshape(-1, 1)


def class_counts(y: np.ndarray, classes: np.ndarray) -> list[int]:
    return [int(np.sum(y == k)) for k in classes]


class TestSplitMnist:
    @pytest.mark.parametrize("is_sparse", [False, True])
    def test_first_60_000_and_the_rest(self, is_sparse: bool) -> None:
        X, y = rows_for(np.empty(70_000)), np.arange(70_000)
        X_train, X_test, y_train, y_test = split_mnist(sparse.csr_array(X) if is_sparse else X, y)
        np.testing.assert_array_equal(y_train, np.arange(60_000))
        np.testing.assert_array_equal(y_test, np.arange(60_000, 70_000))
        for part, expected in ((X_train, X[:60_000]), (X_test, X[60_000:])):
            np.testing.assert_array_equal(part.toarray() if is_sparse else part, expected)
        assert is_sparse or np.shares_memory(X, X_train)

    def test_other_length(self) -> None:
        with pytest.raises(ValueError, match=r"70000 rows, got 5; .*stratified_split"):
            split_mnist(np.zeros((5, 2)), np.zeros(5))


class TestShuffle:
    @pytest.mark.parametrize("seed", [0, 1, 42])
    def test_same_order_as_scikit_learn(self, seed: int) -> None:
        y = LABELS["digits"]
        X, y = rows_for(y), y.copy()
        X.flags.writeable = y.flags.writeable = False
        theirs = sklearn_shuffle(X, y, random_state=seed)
        for ours, expected in zip(shuffle(X, y, random_state=seed), theirs, strict=True):
            np.testing.assert_array_equal(ours, expected)

    def test_random_states(self) -> None:
        y = np.arange(1000)

        def order(random_state: object) -> list[int]:
            return shuffle(rows_for(y), y, random_state=random_state)[1].tolist()  # type: ignore[arg-type]

        assert order(7) == order(7) == order(np.random.RandomState(7)) != order(8)
        assert order(np.random.default_rng(7)) == order(np.random.default_rng(7))
        assert order(None) != order(None)
        generator = np.random.default_rng(7)
        assert order(generator) != order(generator)

    def test_rows_of_any_kind_stay_with_their_labels(self, tmp_path: Path) -> None:
        X = np.memmap(tmp_path / "X", dtype=np.uint8, mode="w+", shape=(20, 3))
        X[:] = np.arange(20)[:, np.newaxis]
        for rows in (X, X.tolist(), sparse.csr_array(X)):
            mixed, y = shuffle(rows, range(20), random_state=1)
            found = mixed.toarray() if sparse.issparse(mixed) else mixed
            np.testing.assert_array_equal(found, np.tile(y[:, None], 3))

    def test_wrong_shapes(self) -> None:
        with pytest.raises(ValueError, match="3 rows and 2 labels"):
            shuffle(np.zeros((3, 1)), [0, 1])
        with pytest.raises(ValueError, match=r"labels of shape \(n,\), got shape \(3, 1\)"):
            shuffle(np.zeros((3, 1)), np.zeros((3, 1)))


class TestStratifiedSplit:
    @pytest.mark.parametrize("test_size", [0.2, 0.5, 0.31, 0.16])
    @pytest.mark.parametrize("name", LABELS)
    def test_against_scikit_learn(self, name: str, test_size: float) -> None:
        y = LABELS[name]
        classes = np.unique(y)
        X_train, X_test, y_train, y_test = stratified_split(rows_for(y), y, test_size=test_size, random_state=0)
        np.testing.assert_array_equal(y_train, y[X_train[:, 0]])
        np.testing.assert_array_equal(y_test, y[X_test[:, 0]])
        everything = np.concatenate([X_train, X_test])[:, 0]
        np.testing.assert_array_equal(np.sort(everything), np.arange(len(y)))

        _, theirs = train_test_split(y, test_size=test_size, stratify=y, random_state=0)
        ours, theirs = class_counts(y_test, classes), class_counts(theirs, classes)
        assert sum(ours) == sum(theirs)
        # scikit-learn breaks ties between equal remainders by lot, so that single rows may go elsewhere.
        shares = np.array(class_counts(y, classes)) * len(y_test)
        if len(set(shares % len(y))) == len(classes):
            assert ours == theirs
        assert np.abs(np.array(ours) - theirs).max() <= 1
        assert np.abs(np.array(ours) - shares / len(y)).max() < 1

    @pytest.mark.parametrize(
        ("y", "expected"),
        [
            (np.repeat([0, 1, 2], [53, 24, 23]), [5, 3, 2]),  # of 10 rows: 5.3, 2.4, 2.3
            (np.repeat([2, 1, 0], 11), [4, 3, 3]),
        ],
        ids=["the largest remainders win", "of equal ones that of the class that sorts first"],
    )
    def test_rounding(self, y: np.ndarray, expected: list[int]) -> None:
        assert class_counts(stratified_split(rows_for(y), y, test_size=10)[3], np.arange(3)) == expected

    def test_the_seed_decides_and_the_order_is_random(self) -> None:
        y = np.repeat([0, 1], 500)
        chosen = set()
        for seed in (1, 1, 2):
            _, X_test, y_train, y_test = stratified_split(rows_for(y), y, random_state=seed)
            chosen.add(frozenset(X_test[:, 0].tolist()))
            assert 100 < y_train[: len(y_train) // 2].sum() < 300
            assert 25 < y_test[: len(y_test) // 2].sum() < 75
        assert len(chosen) == 2

    def test_csr(self) -> None:
        y = LABELS["strings"]
        dense = stratified_split(rows_for(y), y, random_state=0)
        rows = stratified_split(sparse.csr_array(rows_for(y)), y, random_state=0)
        for a, b in zip(dense[:2], rows[:2], strict=True):
            np.testing.assert_array_equal(a, b.toarray())

    @pytest.mark.parametrize("test_size", [0, -1, 26, 27, 0.0, 1.0, 1.5, -0.1, float("nan"), True, 3, 23])
    def test_size_out_of_range(self, test_size: float) -> None:
        y = LABELS["last class first"]
        few = test_size in (3, 23)
        with pytest.raises(ValueError, match="each of the 4 classes on both sides" if few else "expected test_size"):
            stratified_split(rows_for(y), y, test_size=test_size)

    def test_class_with_one_row_and_no_rows(self) -> None:
        y = np.array(["a"] * 10 + ["rare"])
        with pytest.raises(ValueError, match="two rows of each class; class rare has one"):
            stratified_split(rows_for(y), y)
        with pytest.raises(ValueError, match="test_size"):
            stratified_split(np.zeros((0, 3)), [], test_size=1)


class TestStratifiedFolds:
    @pytest.mark.parametrize("seed", [None, 0, 5])
    @pytest.mark.parametrize("n_splits", [2, 3, 5])
    @pytest.mark.parametrize("name", LABELS)
    def test_the_folds_are_scikit_learns(self, name: str, n_splits: int, seed: int | None) -> None:
        y = LABELS[name]
        n_splits = min(n_splits, np.unique(y, return_counts=True)[1].min())
        theirs = StratifiedKFold(n_splits, shuffle=seed is not None, random_state=seed).split(y, y)
        ours = stratified_folds(y, n_splits, random_state=seed)
        for (train, test), (their_train, their_test) in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(train, their_train)
            np.testing.assert_array_equal(test, their_test)

    def test_each_row_is_tested_once(self) -> None:
        y = LABELS["digits"]
        tested = []
        for train, test in stratified_folds(y, 5, random_state=np.random.default_rng(0)):
            np.testing.assert_array_equal(np.sort([*train, *test]), np.arange(len(y)))
            assert np.abs(np.bincount(y[test]) - np.bincount(y) / 5).max() < 1
            tested += test.tolist()
        assert sorted(tested) == list(range(len(y)))

    @pytest.mark.parametrize(("n_splits", "message"), [(1, "at least 2 folds"), (6, "n_splits=6; class rare has 5")])
    def test_out_of_range(self, n_splits: int, message: str) -> None:
        y = ["a"] * 10 + ["rare"] * 5
        with pytest.raises(ValueError, match=message):
            stratified_folds(y, n_splits)  # at once, not when the first fold is asked for
