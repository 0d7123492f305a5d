"""The confusion matrix against scikit-learn's, its kernels against NumPy."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn import metrics as reference

from mnistlr.kernels.counting import HISTOGRAMS, count_label_pairs, sum_label_pairs
from mnistlr.metrics import confusion as metrics
from mnistlr.metrics.confusion import accuracy, confusion_matrix
from mnistlr.metrics.summary import ClassificationSummary
from tests.helpers.labels import NAMES, RNG, WEIGHTS, Y_PRED, Y_TRUE, N, digits

FAR = np.array([-(2**62), -3, 0, 1, 7, 300, 10**6, 10**12, 2**53 + 1, 2**62])
WHOLE = FAR.astype(float)  # 2**53 + 1 rounds to 2**53

PAIRS = {
    **{
        dtype: (Y_TRUE.astype(dtype), Y_PRED.astype(dtype))
        for dtype in (
            "int8",
            "uint8",
            "int16",
            "int32",
            "int64",
            "uint64",
            ">i4",
            "float16",
            "float32",
            "float64",
        )
    },
    "bool": (Y_TRUE > 4, Y_PRED > 4),
    "bool and int": (Y_TRUE > 4, Y_PRED % 3),
    "uint8 and int64": (Y_TRUE.astype(np.uint8), Y_PRED),
    "int and float": (Y_TRUE, Y_PRED.astype(float)),
    "uint8 and int8": (Y_TRUE.astype(np.uint8) * 25, -Y_PRED.astype(np.int8)),
    "negative": (Y_TRUE - 5, Y_PRED - 5),
    "plus and minus": (np.where(Y_TRUE > 4, 1, -1), np.where(Y_PRED > 4, 1, -1)),
    "not from 0": (Y_TRUE + 1000, Y_PRED + 1000),
    "with gaps": (Y_TRUE * 25, Y_PRED * 25),
    "just too many": (Y_TRUE * 29, Y_PRED * 29),
    "far apart": (FAR[Y_TRUE], FAR[Y_PRED]),
    "far apart floats": (WHOLE[Y_TRUE], WHOLE[Y_PRED]),
    "beyond int64": (
        np.uint64(2**63) + Y_TRUE.astype(np.uint64),
        np.uint64(2**63) + Y_PRED.astype(np.uint64),
    ),
    "str": (NAMES[Y_TRUE], NAMES[Y_PRED]),
    "str of other widths": (NAMES[Y_TRUE % 2], NAMES[Y_PRED]),
    "object": (NAMES[Y_TRUE].astype(object), NAMES[Y_PRED].astype(object)),
    "object and str": (NAMES[Y_TRUE].astype(object), NAMES[Y_PRED]),
    "digits as str": (Y_TRUE.astype(str), Y_PRED.astype(str)),
    "disjoint": (Y_TRUE, Y_PRED + 20),
    "constant prediction": (Y_TRUE, np.full(N, 3)),
    "one label": (np.zeros(N, int), np.zeros(N, int)),
    "columns": (Y_TRUE[:, None], Y_PRED[:, None]),
    "strided": (np.repeat(Y_TRUE, 2)[::2], np.repeat(Y_PRED, 2)[::2]),
    "lists": (Y_TRUE.tolist(), Y_PRED.tolist()),
    "lists of str": (NAMES[Y_TRUE].tolist(), NAMES[Y_PRED].tolist()),
}


def same(y_true, y_pred, **arguments):
    """Ours and scikit-learn's: the same type, the same bits, weighted sums included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each has its own; those of ours have their own tests
        ours = confusion_matrix(y_true, y_pred, **arguments)
        theirs = reference.confusion_matrix(y_true, y_pred, **arguments)
    assert ours.dtype == theirs.dtype
    assert ours.flags.c_contiguous
    np.testing.assert_array_equal(ours, theirs)


def labels_to_try(y_true, y_pred):
    """All, all backwards, some, one, one twice, and some that do not occur."""
    present = np.unique(np.concatenate([np.ravel(y_true), np.ravel(y_pred)]))
    in_true = np.unique(y_true)
    absent = ["none", "such"] if present.dtype.kind in "OU" else [77, 78]
    return [
        None,
        present,
        present[::-1].tolist(),
        in_true[: 1 + len(in_true) // 2],
        in_true[-1:],
        [*present.tolist(), in_true[0]],
        [absent[0], *in_true.tolist()[::2], absent[1]],
    ]


def is_tried(pair, weights):
    """All kinds of weights with some kinds of labels, and the other way round."""
    return weights in ("none", "int", "float64") or pair in ("uint8", "int64", "far apart", "str")


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@pytest.mark.parametrize(
    ("pair", "weights"), [(pair, weights) for pair in PAIRS for weights in WEIGHTS if is_tried(pair, weights)]
)
def test_equals_scikit_learn(pair, weights, normalize):
    y_true, y_pred = PAIRS[pair]
    for labels in labels_to_try(y_true, y_pred):
        same(y_true, y_pred, labels=labels, sample_weight=WEIGHTS[weights], normalize=normalize)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("pair", PAIRS)
def test_accuracy_is_that_of_scikit_learn(pair, weights):
    y_true, y_pred = PAIRS[pair]
    weight = WEIGHTS[weights]
    expected = reference.accuracy_score(y_true, y_pred, sample_weight=weight)
    # Sums of N terms, in another order.
    assert accuracy(y_true, y_pred, weight) == pytest.approx(expected, rel=N * np.finfo(float).eps)


@pytest.mark.parametrize("seed", range(60))
def test_equals_scikit_learn_on_random_cases(seed):
    rng = np.random.default_rng(seed)
    n, n_classes = rng.integers(1, 60), rng.integers(1, 400)
    shift = rng.choice([0, -7, 250, 10**9])
    y_true, y_pred = (y + shift for y in digits(seed, n, n_classes))
    labels = None
    if rng.random() < 0.5:
        labels = rng.permutation(np.append(y_true[0], rng.integers(0, n_classes, rng.integers(0, 9)) + shift))
    weight = rng.choice([-1.0, 0.25, 0.1, 1.0], n) if rng.random() < 0.5 else None
    same(
        y_true,
        y_pred,
        labels=labels,
        sample_weight=weight,
        normalize=rng.choice([None, "true", "pred", "all"]),
    )


@pytest.mark.parametrize("odd", [-1, 16, 255, 256, 10**15, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("where", [0, 2000, -1])
def test_one_label_unlike_the_others(odd, where):
    """The first labels look like digits, a late one is not: the lost bet must be noticed."""
    for position in (0, 1):
        pair = digits(2, 3000)
        pair[position][where] = odd
        same(*pair)


@pytest.mark.parametrize("edge", [2**63 - 5, -(2**63) + 5])
def test_differences_beyond_int64(edge):
    """Both ends of int64 lie side by side once a difference has overflowed."""
    y_true, y_pred = np.full((2, 3000), edge)
    y_true[-1] = -edge - 1
    expected = [[0, 1], [0, 2999]] if edge > 0 else [[2999, 0], [1, 0]]
    np.testing.assert_array_equal(confusion_matrix(y_true, y_pred), expected)


def test_pandas():
    pd = pytest.importorskip("pandas")
    same(pd.Series(Y_TRUE), pd.Series(Y_PRED), labels=pd.Series([3, 1]), sample_weight=pd.Series(RNG.random(N)))
    same(pd.Series(NAMES[Y_TRUE]), pd.Series(NAMES[Y_PRED]))
    same(pd.Series(NAMES[Y_TRUE], dtype="category"), NAMES[Y_PRED])
    same(pd.Series(Y_TRUE, dtype="Int64"), Y_PRED)


def test_integers_that_no_float_can_tell_apart():
    """scikit-learn goes through float64 here and loses a sample; the count itself is plain."""
    np.testing.assert_array_equal(
        confusion_matrix([2**53, 2**53 + 1], [2.0**53, 2.0]), [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    )
    wide = np.array([2**63, 2**63 + 1], dtype=np.uint64)
    np.testing.assert_array_equal(confusion_matrix(wide, [-1, -1]), [[0, 0, 0], [1, 0, 0], [1, 0, 0]])


def test_inputs_are_left_alone_and_may_be_read_only():
    y_true, y_pred = digits(3)
    confusion_matrix(y_true, y_pred)
    assert y_true.flags.writeable
    np.testing.assert_array_equal((y_true, y_pred), digits(3))
    y_true.flags.writeable = y_pred.flags.writeable = False
    same(y_true, y_pred)


def test_threads_give_the_same_bits(monkeypatch):
    y_true, y_pred = digits(4, 10_001)
    weights = np.random.default_rng(4).random(len(y_true))
    y_late = np.append(y_pred[:-1], 99)  # the last thread is the one that sees it
    monkeypatch.setattr(metrics, "count_threads", lambda: 4)
    for samples_per_thread in (1 << 19, 5000, 1000):
        monkeypatch.setattr(metrics, "_SAMPLES_PER_THREAD", samples_per_thread)
        same(y_true, y_pred)
        same(y_true, y_pred, sample_weight=weights)
        same(y_true, y_late)


def test_dropped_samples_are_told():
    with pytest.warns(UserWarning, match=r"^2 of 4 samples have a label that is not in `labels`") as told:
        confusion_matrix([0, 1, 2, 2], [0, 1, 1, 2], labels=[1, 0])
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="^2 of 4 samples"):
        confusion_matrix(["a", "b", "c", "c"], ["a", "b", "b", "c"], labels=["a", "b"], sample_weight=[0, 1, 2, 3])
    with pytest.warns(UserWarning, match="^1 of 2 samples"):
        ClassificationSummary.from_predictions([0, 1], [0, 1], labels=[1])


def test_a_single_cell_is_told():
    with pytest.warns(UserWarning, match="one cell"):
        confusion_matrix([3, 3], [3, 3])


BAD = {
    "empty": (([], []), {}),
    "lengths": (([0, 1, 2], [0, 1]), {}),
    "normalize": (([0, 1], [0, 1]), {"normalize": "rows"}),
    "normalize True": (([0, 1], [0, 1]), {"normalize": True}),
    "continuous": (([0.5, 1], [0, 1]), {}),
    "too large a float": (([1e300, 1], [0, 1]), {}),
    "numbers and strings": (([0, 1], ["0", "1"]), {}),
    "booleans and strings": ((np.array(["a", "b"], dtype=object), [True, False]), {}),
    "objects": ((np.array([0, 1], dtype=object), [0, 1]), {}),
    "a number among strings": ((np.array(["a", 1], dtype=object), ["a", "b"]), {}),
    "bytes": ((np.array([b"a", b"b"]), np.array([b"a", b"b"])), {}),
    "complex": (([1j, 2], [1, 2]), {}),
    "multi-output": (([[0, 3], [1, 1]], [[0, 3], [1, 0]]), {}),
    "ragged": (([[0], [1, 2]], [0, 1]), {}),
    "a number": ((0, 0), {}),
    "no labels": (([0, 1], [0, 1]), {"labels": []}),
    "labels only predicted": (([0, 1], [0, 5]), {"labels": [5, 6]}),
    "labels of another kind": (([0, 1], [0, 1]), {"labels": ["a", "b"]}),
    "labels no array": (([0, 1], [0, 1]), {"labels": 1}),
    "weights too few": (([0, 1], [0, 1]), {"sample_weight": [1]}),
    "one weight": (([0, 1], [0, 1]), {"sample_weight": 2.0}),
    "weights NaN": (([0, 1], [0, 1]), {"sample_weight": [1, np.nan]}),
    "weights zero": (([0, 1], [0, 1]), {"sample_weight": [0, 0]}),
    "weights complex": (([0, 1], [0, 1]), {"sample_weight": [1, 1j]}),
    "weights text": (([0, 1], [0, 1]), {"sample_weight": ["a", "b"]}),
}
# Older scikit-learn returned zeros, or raised a TypeError.
SINCE_1_9 = {"empty", "weights zero", "booleans and strings"}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_fails_as_in_scikit_learn(case):
    positional, named = BAD[case]
    with pytest.raises((ValueError, TypeError)) as ours:
        confusion_matrix(*positional, **named)
    assert str(ours.value)
    if case in SINCE_1_9:
        assert ours.type is ValueError
        return
    with np.errstate(invalid="ignore"), pytest.raises((ValueError, TypeError)) as theirs:
        reference.confusion_matrix(*positional, **named)
    assert issubclass(theirs.type, ours.type)  # whoever catches the one catches the other


@pytest.mark.parametrize("case", [case for case, (_, named) in BAD.items() if set(named) <= {"sample_weight"}])
def test_accuracy_refuses_what_the_matrix_refuses(case):
    positional, named = BAD[case]
    with pytest.raises((ValueError, TypeError)) as matrix:
        confusion_matrix(*positional, **named)
    with pytest.raises(matrix.type) as share:
        accuracy(*positional, **named)
    assert str(share.value) == str(matrix.value)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("function", [confusion_matrix, accuracy])
def test_labels_that_are_missing_are_not_called_continuous(function, odd):
    with pytest.raises(ValueError, match=r"^`y_pred` contains NaN or infinity"):
        function([0, 1], [0, odd])


def test_accuracy_of_weights_that_cancel():
    with pytest.raises(ValueError, match="sums to zero"):
        accuracy([0, 1], [0, 0], [1, -1])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize(("n", "lowest", "n_bits"), [(0, 0, 4), (1, 0, 4), (7, 3, 3), (1000, -4, 6)])
def test_count_label_pairs_counts(dtype, n, lowest, n_bits):
    rng = np.random.default_rng(n)
    y_true, y_pred = rng.integers(max(lowest, 0), lowest + 2**n_bits, (2, n)).astype(dtype)
    counts = np.zeros((HISTOGRAMS, 4**n_bits), dtype=np.int64)
    seen = count_label_pairs(y_true, y_pred, lowest, n_bits, counts)
    pairs = y_true.astype(np.int64) - lowest, y_pred.astype(np.int64) - lowest
    assert seen == np.bitwise_or.reduce(np.concatenate(pairs))
    expected = np.zeros((2**n_bits, 2**n_bits), dtype=np.int64)
    np.add.at(expected, pairs, 1)
    np.testing.assert_array_equal(counts.sum(axis=0).reshape(expected.shape), expected)


@pytest.mark.parametrize("wild", [-1, 16, 2**40, -(2**63)])
def test_count_label_pairs_reports_wild_labels_and_stays_in_its_memory(wild):
    guarded = np.zeros((3, HISTOGRAMS, 256), dtype=np.int64)
    y_true = np.array([3, wild, 15])
    seen = count_label_pairs(y_true, np.array([0, 1, wild]), 0, 4, guarded[1])
    assert not 0 <= seen < 16
    assert guarded[1].sum() == 3
    assert not guarded[[0, 2]].any()


@pytest.mark.parametrize("weights", [np.ones(50, dtype=np.int64), RNG.random(50)], ids=["int64", "float64"])
def test_sum_label_pairs_adds_up(weights):
    y_true, y_pred = digits(5, 50, 6)
    row_of_label = np.array([2, 0, 1, 2, 3, 3])
    sums, expected = (np.zeros((4, 4), dtype=weights.dtype) for _ in range(2))
    sum_label_pairs(y_true - 7, y_pred - 7, -7, row_of_label, weights, sums)
    np.add.at(expected, (row_of_label[y_true], row_of_label[y_pred]), weights)
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize(
    "use", ["", "m.confusion_matrix(y, y[::-1].copy()), m.accuracy(y, y[::-1].copy())"], ids=["import", "plain labels"]
)
def test_needs_no_scikit_learn(use):
    """Whose checks take ten times as long as counting a thousand plain labels."""
    code = f"import sys, numpy as np, mnistlr.metrics.confusion as m; y = np.arange(9); {use}"
    subprocess.run([sys.executable, "-c", f"{code}\nassert 'sklearn' not in sys.modules"], check=True)
