"""The contributions of pixels: they sum to the score, and are ink times derivative."""

import numpy as np
import pytest

from mnistlr.exceptions import ArgumentError
from mnistlr.features import DigitReader, explain_reader
from mnistlr.features.contributions import original_pixels, vote_sums
from mnistlr.features.deskew import shifts


def test_they_sum_to_the_score(reader, small_mnist):
    for image in small_mnist.X_train[::200]:
        why = explain_reader(reader, image)
        scores = reader.decision_function(image[None])[0]
        size = np.abs(reader.classifier_.coef_ * reader.features(image[None])).sum(axis=1).max()
        assert np.abs(why.contributions.sum(axis=1) + why.intercept - scores).max() < 1e-5 * size
        assert why.label == reader.predict(image[None])[0]
        assert np.allclose(why.probabilities, reader.predict_proba(image[None])[0], atol=1e-5)
        assert not why.contributions[:, image == 0].any()  # paper says nothing


def test_two_classes_and_floats(small_mnist):
    X, y = small_mnist.X_test, small_mnist.y_test
    reader = DigitReader(random_state=0).fit(X / 255, y == 2)
    image = X[17].reshape(28, 28) / 255
    why = explain_reader(reader, image)
    score = reader.decision_function(image.reshape(1, -1))[0]
    assert why.raw_prediction == pytest.approx([0, score], rel=1e-4, abs=1e-4)


def test_derivative_of_the_sums_by_finite_differences(reader, small_mnist):
    rng = np.random.default_rng(0)
    image = small_mnist.X_train[3].reshape(28, 28) + rng.uniform(0, 1, (28, 28))  # no ties between directions
    weights = rng.normal(size=900)
    sums, pull_back = vote_sums(image, reader.edges_)
    derivative = pull_back(weights)
    for y, x in rng.integers(0, 28, (40, 2)):
        change = np.zeros_like(image)
        change[y, x] = 1e-5
        above, below = (weights @ vote_sums(image + sign * change, reader.edges_)[0] for sign in (1, -1))
        assert (above - below) / 2e-5 == pytest.approx(derivative[y, x], rel=1e-5, abs=1e-4)
    assert np.sum(image * derivative) == pytest.approx(weights @ sums)  # Euler


def test_the_sums_are_those_of_the_features(reader, small_mnist):
    upright = reader.deskew_.transform(small_mnist.X_train[:1])
    sums, _ = vote_sums(upright.reshape(28, 28).astype(float), reader.edges_)
    total = sums[:576].sum()
    share = np.concatenate([sums[:576] * 576, sums[576:] * 324]) / total
    assert np.abs(np.minimum(255, 255 * np.sqrt(share / 3)) - reader.edges_.transform(upright)[0]).max() < 0.51


def test_upright_pixels_give_back_to_those_they_come_from():
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (6, 9)).astype(np.uint8)
    pixels[:, :3] = pixels[:, 6:] = 0
    shift = np.zeros(6, np.int64)
    shifts(pixels, shift)
    upright = np.zeros((1, 6, 9))
    for y, x in np.ndindex(6, 9):
        first, part = x + (shift[y] >> 8), shift[y] & 255
        for source, share in ((first, 256 - part), (first + 1, part)):
            upright[0, y, x] += share / 256 * pixels[y, source] if 0 <= source < 9 else 0
    assert shift.any()
    assert np.allclose(original_pixels(upright, pixels)[0], pixels)


def test_other_sizes_are_refused(reader):
    with pytest.raises(ArgumentError, match="expected an image of 784 pixels, as the model takes, got 64"):
        explain_reader(reader, np.zeros(64))
