"""What a notebook shows of a summary and an explanation, and how counts are written."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mnistlr import ClassificationSummary, SoftmaxRegression, explain, load_digits
from mnistlr.metrics.summary import write_count


def cells_of(html: str) -> list[str]:
    return list(ElementTree.fromstring(f"<div>{html}</div>").itertext())


def test_a_summary_is_a_table_beside_its_baseline() -> None:
    summary = ClassificationSummary([[8, 2], [1, 9]], labels=["<cat>", "dog"])
    cells = cells_of(summary._repr_html_())
    assert cells[:4] == ["accuracy ", "0.8500", ", baseline 0.5000", "precision"]
    assert cells[cells.index("<cat>") :][:5] == ["<cat>", "0.8889", "0.8000", "0.8421", "10"]


def test_an_explanation_is_a_picture_of_what_decided() -> None:
    X, y = load_digits()
    why = explain(SoftmaxRegression(random_state=0).fit(X, y), X[0])
    html = why._repr_html_()
    strongest = int(np.argmax(np.abs(why.decision)))
    assert f'<rect x="{strongest % 8}" y="{strongest // 8}"' in html
    assert len(re.findall('fill="#0072B2"', html)) <= np.count_nonzero(why.decision > 0)
    assert cells_of(html)[0] == str(why.label)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (7, "7"),
        (np.int64(123456), "123456"),
        (123456.78, "123457"),
        (0.5, "0.5"),
        (2e9, "2000000000"),
        (1e-5, "0.000010"),
    ],
)
def test_a_count_has_no_exponent(count: float, text: str) -> None:
    assert write_count(count) == text


def test_columns_do_not_run_together() -> None:
    text = str(ClassificationSummary([[1234567890.5, 1.0], [2.0, 1234567890.5]]))
    assert all(len(line.split()) in (0, 3, 4, 5, 6) for line in text.splitlines())
    assert "1234567892" in text.split()
