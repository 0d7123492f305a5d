"""What follows from a confusion matrix: held against scikit-learn, and small ones by hand."""

import json
from collections import Counter
from functools import partial

import numpy as np
import pytest
from sklearn import metrics as reference

from mnistlr.metrics.confusion import confusion_matrix
from mnistlr.metrics.summary import ClassificationSummary
from tests.helpers.labels import NAMES, WEIGHTS, Y_PRED, Y_TRUE, N

SUMMARIES = {
    "digits": (Y_TRUE, Y_PRED, None),
    "strings": (NAMES[Y_TRUE], NAMES[Y_PRED], None),
    "never predicted, never true": (Y_TRUE % 3, np.full(N, 5), None),
    "all wrong": (Y_TRUE, (Y_TRUE + 1) % 10, None),
    "all right": (Y_TRUE, Y_TRUE, None),
    "with absent labels": (Y_TRUE, Y_PRED, [*range(12)][::-1]),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_summary_equals_scikit_learn(case):
    y_true, y_pred, labels = SUMMARIES[case]
    summary = ClassificationSummary.from_predictions(y_true, y_pred, labels)

    scores = partial(reference.precision_recall_fscore_support, y_true, y_pred, labels=labels, zero_division=0)
    ours = summary.precision, summary.recall, summary.f1, summary.support
    np.testing.assert_allclose(ours, scores(average=None), rtol=1e-14)
    np.testing.assert_allclose(summary.macro_average, scores(average="macro")[:3], rtol=1e-14)
    np.testing.assert_allclose(summary.weighted_average, scores(average="weighted")[:3], rtol=1e-14)
    assert summary.accuracy == pytest.approx(reference.accuracy_score(y_true, y_pred), rel=1e-14)
    assert summary.baseline == pytest.approx(max(Counter(y_true.tolist()).values()) / N, rel=1e-14)
    expected = np.unique([y_true, y_pred]).tolist() if labels is None else labels
    assert list(summary.labels) == expected


def test_summary_of_a_weighted_matrix():
    weights = WEIGHTS["float64"]
    summary = ClassificationSummary(confusion_matrix(Y_TRUE, Y_PRED, sample_weight=weights))
    theirs = reference.precision_recall_fscore_support(Y_TRUE, Y_PRED, sample_weight=weights, zero_division=0)
    ours = summary.precision, summary.recall, summary.f1, summary.support
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)
    assert summary.accuracy == pytest.approx(reference.accuracy_score(Y_TRUE, Y_PRED, sample_weight=weights))


def test_summary_labels_come_back_as_they_went_in():
    labels = ClassificationSummary.from_predictions([True, False], [True, True]).labels
    assert labels == (False, True)
    assert all(type(label) is bool for label in labels)
    assert ClassificationSummary.from_predictions(["b", "a"], ["a", "a"]).labels == ("a", "b")
    labels = ClassificationSummary.from_predictions(np.uint8([3, 2]), np.uint8([3, 3])).labels
    assert labels == (2, 3)
    assert all(type(label) is int for label in labels)


def test_summary_of_nothing_counts_zero():
    summary = ClassificationSummary(np.zeros((2, 2), dtype=int))
    assert (summary.accuracy, summary.baseline, summary.macro_average) == (0, 0, (0, 0, 0))
    assert summary.weighted_average == (0, 0, 0)
    assert summary.most_confused() == []


def test_most_confused():
    matrix = [[90, 3, 0, 7], [7, 80, 1, 0], [0, 0, 70, 0], [2, 9, 0, 60]]
    summary = ClassificationSummary(matrix, labels=["a", "b", "c", "d"])
    assert summary.most_confused() == [
        ("d", "b", 9),
        ("a", "d", 7),  # ties: in the order of the matrix
        ("b", "a", 7),
        ("a", "b", 3),
        ("d", "a", 2),
        ("b", "c", 1),
    ]
    assert summary.most_confused(2) == [("d", "b", 9), ("a", "d", 7)]
    assert summary.most_confused(0) == []
    first = summary.most_confused(1)[0]
    assert (first.true_label, first.predicted_label, first.n_samples) == ("d", "b", 9)
    assert type(first.n_samples) is int
    many_ties = ClassificationSummary(1 + np.add.outer(range(10), range(10)) % 3).most_confused(90)
    assert many_ties == sorted(many_ties, key=lambda pair: (-pair.n_samples, pair.true_label, pair.predicted_label))
    with pytest.raises(ValueError, match="-1"):
        summary.most_confused(-1)


def test_summary_never_changes():
    matrix = np.array([[3, 1], [0, 2]])
    summary = ClassificationSummary(matrix)
    matrix[0, 0] = 100
    assert summary.support.tolist() == [4, 2]
    with pytest.raises(ValueError, match="read-only"):
        summary.matrix[0, 0] = 100
    with pytest.raises(AttributeError):
        summary.labels = (1, 2)


def test_to_dict_is_ready_for_json():
    summary = ClassificationSummary.from_predictions(Y_TRUE, Y_PRED)
    there = summary.to_dict()
    back = json.loads(json.dumps(there))
    assert back == there
    assert back["accuracy"] == summary.accuracy
    assert back["baseline"] == summary.baseline
    assert back["n_samples"] == N
    assert [c["label"] for c in back["classes"]] == list(range(10))
    for name in ("precision", "recall", "f1", "support"):
        assert [c[name] for c in back["classes"]] == getattr(summary, name).tolist()
    assert back["macro_average"]["f1"] == summary.macro_average.f1
    assert back["weighted_average"]["recall"] == summary.weighted_average.recall
    assert back["most_confused"][0]["n_samples"] == summary.most_confused(1)[0].n_samples
    assert back["confusion_matrix"] == summary.matrix.tolist()


@pytest.mark.parametrize(
    "matrix", [[[8, 2], [1, 9]], [[10**9, 2], [1, 10**8]], [[0.123456789, 1 / 3], [1e-7, 12345.678]]]
)
def test_table(matrix):
    long = "a name that is longer than any column of this table would ever want to be"
    summary = ClassificationSummary(matrix, labels=["short", long])
    lines = str(summary).splitlines()
    assert lines[0].split() == ["precision", "recall", "F1", "support"]
    assert {len(line) for line in lines} <= {0, 80}
    short = lines[2].split()
    assert short[0] == "short"
    assert short[1:4] == [f"{score[0]:.4f}" for score in (summary.precision, summary.recall, summary.f1)]
    assert float(short[4]) == pytest.approx(summary.support[0], rel=1e-4)
    assert "…" in lines[3]
    rows = {line[:36].strip(): line[36:].split() for line in lines[5:]}
    assert list(rows) == ["accuracy", "baseline", "macro average", "weighted average"]
    assert rows["accuracy"][0] == f"{summary.accuracy:.4f}"
    assert rows["baseline"][0] == f"{summary.baseline:.4f}"
    assert rows["macro average"][:3] == [f"{score:.4f}" for score in summary.macro_average]
    assert rows["weighted average"][:3] == [f"{score:.4f}" for score in summary.weighted_average]


@pytest.mark.parametrize(
    ("matrix", "labels", "message"),
    [
        ([[1, 2, 3], [4, 5, 6]], None, r"\(2, 3\)"),
        ([1, 2], None, r"\(2,\)"),
        (3, None, r"shape \(\)"),
        (np.zeros((0, 0)), None, r"\(0, 0\)"),
        (np.zeros((2, 2, 2)), None, r"\(2, 2, 2\)"),
        ([[1, -1], [0, 1]], None, "negative"),
        ([[1, np.nan], [0, 1]], None, "non-finite"),
        ([[1, np.inf], [0, 1]], None, "non-finite"),
        ([["a", "b"], ["c", "d"]], None, "type <U1"),
        ([[1, 0], [0, 1]], ["a"], r"2 classes need 2 labels"),
        ([[1, 0], [0, 1]], [["a", "b"], ["c", "d"]], r"2 classes need 2 labels"),
    ],
)
def test_bad_matrices(matrix, labels, message):
    with pytest.raises(ValueError, match=message):
        ClassificationSummary(matrix, labels)
