import pytest

pytest.importorskip("distributed")  # with Dask, an extra
