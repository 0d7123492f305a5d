"""Figures are like those in tests/plots/baseline/, small pictures that somebody has looked at.

After a change that is meant, renew them, look at them, and commit:

    MNISTLR_RENEW_BASELINE=1 python -m pytest tests/plots/test_plots_images.py
"""

import os
from pathlib import Path

import pytest

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.testing.compare import compare_images  # noqa: E402

from tests.helpers.drawings import DRAWINGS  # noqa: E402

BASELINE = Path(__file__).parent / "baseline"
DRAWN_WITH = BASELINE / "matplotlib-version.txt"
RENEW = os.environ.get("MNISTLR_RENEW_BASELINE") == "1"
VERSION = ".".join(matplotlib.__version__.split(".")[:2])

# Root mean square of the differences in 0 to 255. Other rounding in rasterising text gives 1 or 2; a missing line of
# text or colours the wrong way round give more than 4 in each of these figures.
TOLERANCE = 4


@pytest.mark.parametrize("name", DRAWINGS)
def test_figure_is_the_one_that_was_looked_at(name, tmp_path):
    if RENEW:
        BASELINE.mkdir(exist_ok=True)
        DRAWN_WITH.write_text(f"{VERSION}\n")
    drawn_with = DRAWN_WITH.read_text().strip()
    if drawn_with != VERSION:
        pytest.skip(f"the baseline was drawn with matplotlib {drawn_with}, this is {VERSION}")
    expected, found = BASELINE / f"{name}.png", tmp_path / f"{name}.png"
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = DRAWINGS[name]().figure
        dpi = min(50, (30_000 / figure.get_size_inches().prod()) ** 0.5)  # small files
        figure.savefig(found, dpi=dpi, metadata={"Software": None})
    if RENEW:
        expected.write_bytes(found.read_bytes())
    assert expected.stat().st_size < 20_000
    difference = compare_images(str(expected), str(found), tol=TOLERANCE)
    assert difference is None, difference
