from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit, train_test_split
from sklearn.utils import shuffle as sklearn_shuffle

from mnistlr import shuffle, split_mnist, stratified_split
from mnistlr.datasets import stratified_folds
from tests.conftest import ImageData

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
    def test_first_60_000_and_the_rest(self) -> None:
        X, y = rows_for(np.empty(70_000)), np.arange(70_000)
        X_train, X_test, y_train, y_test = split_mnist(X, y)
        np.testing.assert_array_equal(y_train, np.arange(60_000))
        np.testing.assert_array_equal(y_test, np.arange(60_000, 70_000))
        np.testing.assert_array_equal(X_train[:, 0], y_train)
        np.testing.assert_array_equal(X_test[:, 0], y_test)
        assert np.shares_memory(X, X_train)

    def test_csr(self) -> None:
        X = sparse.csr_array(rows_for(np.empty(70_000)))
        X_train, X_test, _, _ = split_mnist(X, np.arange(70_000))
        assert (X_train.shape, X_test.shape) == ((60_000, 1), (10_000, 1))
        assert X_test[0, 0] == 60_000

    def test_other_length(self) -> None:
        with pytest.raises(ValueError, match=r"70000 rows, got 5; .*stratified_split"):
            split_mnist(np.zeros((5, 2)), np.zeros(5))


class TestShuffle:
    def test_rows_and_labels_stay_together(self) -> None:
        y = LABELS["digits"]
        X_mixed, y_mixed = shuffle(rows_for(y), y, random_state=3)
        order = X_mixed[:, 0]
        assert not np.array_equal(order, np.arange(len(y)))
        np.testing.assert_array_equal(np.sort(order), np.arange(len(y)))
        np.testing.assert_array_equal(y_mixed, y[order])

    @pytest.mark.parametrize("seed", [0, 1, 42])
    def test_same_order_as_scikit_learn(self, seed: int) -> None:
        y = LABELS["digits"]
        for ours, theirs in zip(
            shuffle(rows_for(y), y, random_state=seed),
            sklearn_shuffle(rows_for(y), y, random_state=seed),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)

    def test_random_states(self) -> None:
        y = np.arange(1000)

        def order(random_state: object) -> list[int]:
            return shuffle(rows_for(y), y, random_state=random_state)[1].tolist()  # type: ignore[arg-type]

        assert order(7) == order(7) == order(np.random.RandomState(7)) != order(8)
        assert order(np.random.default_rng(7)) == order(np.random.default_rng(7))
        assert order(None) != order(None)
        generator = np.random.default_rng(7)
        assert order(generator) != order(generator)

    def test_the_input_is_left_alone(self) -> None:
        y = np.arange(100)
        y.flags.writeable = False
        X = rows_for(y)
        shuffle(X, y, random_state=0)
        np.testing.assert_array_equal(X[:, 0], y)

    def test_csr_and_lists(self) -> None:
        X = [[0, 0], [1, 0], [2, 0]]
        dense, y_dense = shuffle(X, [0, 1, 2], random_state=1)
        rows, y = shuffle(sparse.csr_array(X), [0, 1, 2], random_state=1)
        np.testing.assert_array_equal(rows.toarray(), dense)
        np.testing.assert_array_equal(y, y_dense)
        np.testing.assert_array_equal(dense[:, 0], y)

    def test_memory_map(self, tmp_path: Path) -> None:
        X = np.memmap(tmp_path / "X", dtype=np.uint8, mode="w+", shape=(20, 3))
        X[:] = np.arange(20)[:, np.newaxis]
        X_mixed, y_mixed = shuffle(X, np.arange(20), random_state=1)
        np.testing.assert_array_equal(X_mixed[:, 2], y_mixed)

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

    def test_number_of_rows(self) -> None:
        y = LABELS["digits"]
        _, X_test, y_train, _ = stratified_split(rows_for(y), y, test_size=100, random_state=0)
        assert (len(X_test), len(y_train)) == (100, 897)

    def test_largest_remainders_win(self) -> None:
        y = np.repeat([0, 1, 2], [53, 24, 23])  # of 10 rows: 5.3, 2.4, 2.3
        assert class_counts(stratified_split(rows_for(y), y, test_size=10)[3], np.arange(3)) == [5, 3, 2]

    def test_equal_remainders_go_to_the_class_that_sorts_first(self) -> None:
        y = np.repeat([2, 1, 0], 11)
        assert class_counts(stratified_split(rows_for(y), y, test_size=10)[3], np.arange(3)) == [4, 3, 3]

    def test_the_seed_decides(self) -> None:
        y = LABELS["digits"]

        def test_rows(seed: int) -> list[int]:
            return stratified_split(rows_for(y), y, random_state=seed)[1][:, 0].tolist()

        assert test_rows(1) == test_rows(1)
        assert sorted(test_rows(1)) != sorted(test_rows(2))

    def test_order_is_random(self) -> None:
        y = np.repeat([0, 1], 500)
        _, _, y_train, y_test = stratified_split(rows_for(y), y, random_state=0)
        assert 100 < y_train[: len(y_train) // 2].sum() < 300
        assert 25 < y_test[: len(y_test) // 2].sum() < 75

    def test_csr(self) -> None:
        y = LABELS["strings"]
        dense = stratified_split(rows_for(y), y, random_state=0)
        rows = stratified_split(sparse.csr_array(rows_for(y)), y, random_state=0)
        for a, b in zip(dense[:2], rows[:2], strict=True):
            np.testing.assert_array_equal(a, b.toarray())

    @pytest.mark.parametrize("test_size", [0, -1, 26, 27, 0.0, 1.0, 1.5, -0.1, float("nan"), True])
    def test_size_out_of_range(self, test_size: float) -> None:
        y = LABELS["last class first"]
        with pytest.raises(ValueError, match="expected test_size"):
            stratified_split(rows_for(y), y, test_size=test_size)

    @pytest.mark.parametrize("test_size", [3, 23])
    def test_fewer_rows_than_classes(self, test_size: int) -> None:
        y = LABELS["last class first"]
        with pytest.raises(ValueError, match="each of the 4 classes on both sides"):
            stratified_split(rows_for(y), y, test_size=test_size)
        with pytest.raises(ValueError, match="number of classes"):
            next(StratifiedShuffleSplit(test_size=test_size).split(y, y))

    def test_class_with_one_row(self) -> None:
        y = np.array(["a"] * 10 + ["rare"])
        with pytest.raises(ValueError, match="two rows of each class; class rare has one"):
            stratified_split(rows_for(y), y)

    def test_no_rows(self) -> None:
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

    def test_each_row_is_tested_once(self, digits: ImageData) -> None:
        y = digits.y_train
        seen = np.zeros(len(y), int)
        for train, test in stratified_folds(y, 5, random_state=np.random.default_rng(0)):
            assert set(train).isdisjoint(test)
            assert len(train) + len(test) == len(y)
            seen[test] += 1
            counts = np.bincount(y[test])
            assert np.abs(counts - np.bincount(y) / 5).max() < 1
        assert (seen == 1).all()

    @pytest.mark.parametrize(("n_splits", "message"), [(1, "at least 2 folds"), (6, "n_splits=6; class rare has 5")])
    def test_out_of_range(self, n_splits: int, message: str) -> None:
        y = ["a"] * 10 + ["rare"] * 5
        with pytest.raises(ValueError, match=message):
            stratified_folds(y, n_splits)  # at once, not when the first fold is asked for
