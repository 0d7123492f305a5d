"""DigitReader on Dask arrays: looked at block by block."""

import dask.array as da
import numpy as np
import pytest
from sklearn.base import clone

import mnistlr
from mnistlr import load_digits, load_model, save_model
from mnistlr.exceptions import ArgumentError
from mnistlr.on_dask import DigitReader


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits()
    return X[:600], y[:600]


@pytest.fixture(scope="module")
def reader(digits):
    return DigitReader(grids=(4,), random_state=0).fit(*digits)


def test_blocks_are_read_as_the_whole_is(digits, reader):
    X, y = digits
    blocks = da.from_array(X, chunks=(250, 32))
    for method in ("features", "predict", "predict_proba", "decision_function"):
        lazy = getattr(reader, method)(blocks)
        assert lazy.chunks[0] == (250, 250, 100)
        assert np.array_equal(lazy.compute(), getattr(reader, method)(X)), method
    assert reader.score(blocks, da.from_array(y, chunks=250)) == reader.score(X, y)


def test_it_is_saved_as_the_ordinary_class(digits, reader, tmp_path):
    loaded = load_model(save_model(reader, tmp_path / "model.npz"))
    assert type(loaded) is mnistlr.DigitReader
    assert np.array_equal(loaded.predict_proba(digits[0]), reader.predict_proba(digits[0]))


def test_fit_looks_at_the_blocks_where_they_are(digits, reader):
    X, y = digits
    blocks, labels = da.from_array(X, chunks=(250, 64)), da.from_array(y, chunks=250)
    there = clone(reader).fit(blocks, labels)
    assert there.n_features_in_ == 64
    assert np.array_equal(there.features(X), reader.features(X))
    assert np.abs(there.predict_proba(X) - reader.predict_proba(X)).max() < 0.2
    assert np.mean(there.predict(X) == reader.predict(X)) > 0.99


def test_what_blocks_cannot_be_is_refused(digits, reader):
    X, y = digits
    blocks = da.from_array(X, chunks=(250, 64))
    with pytest.raises(ArgumentError, match="expected a Dask array of uint8, whose full ink is 255, got float64"):
        DigitReader().fit(blocks / 255, y)
    with pytest.raises(ArgumentError, match="expected images of 64 pixels, got 60"):
        reader.predict(blocks[:, :60])
    pandas, frame = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    with pytest.raises(ArgumentError, match="expected a Dask array with an image in each row, got "):
        reader.predict(frame.from_pandas(pandas.DataFrame(X), npartitions=2))
