"""One sentence for every library that is not installed."""

import pytest

from mnistlr import MissingExtraError
from mnistlr._support.extras import needed


def test_a_missing_module_is_one_sentence_and_any_other_failure_passes() -> None:
    sentence = r"^drawing needs a library, which is not installed; install it with: pip install 'mnistlr\[plots\]'$"
    with pytest.raises(MissingExtraError, match=sentence), needed("a library", "plots", "drawing"):
        import no_such_module_anywhere  # noqa: F401
    with pytest.raises(ImportError, match="damaged") as caught, needed("a library", "plots", "drawing"):
        raise ImportError("damaged")
    assert not isinstance(caught.value, MissingExtraError)
    with needed("a library", "plots", "drawing"):
        import json  # noqa: F401
