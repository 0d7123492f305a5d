"""Turn a photo or a drawing into 28x28 images like MNIST's."""

from mnistlr.images.normalise import SIDE, normalise
from mnistlr.images.pieces import Box
from mnistlr.images.pipeline import Digit, Steps, find_digits, to_mnist, trace
from mnistlr.images.surface import shrink

__all__ = ["SIDE", "Box", "Digit", "Steps", "find_digits", "normalise", "shrink", "to_mnist", "trace"]
