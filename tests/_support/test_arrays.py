"""Read-only views."""

import numpy as np
import pytest

from mnistlr._support.arrays import read_only


def test_a_view_cannot_be_written_to_and_its_array_still_can() -> None:
    array = np.arange(3)
    view = read_only(array)
    assert np.shares_memory(view, array)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    array[0] = 7
    assert view[0] == 7
