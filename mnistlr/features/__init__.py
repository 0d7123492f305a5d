"""What a better eye sees: transformers of images, the model that reads with them, and why it answers as it does."""

from mnistlr.features.contributions import explain_reader
from mnistlr.features.deskew import Deskew
from mnistlr.features.edges import EdgeFeatures
from mnistlr.features.reader import DigitReader

__all__ = ["Deskew", "DigitReader", "EdgeFeatures", "explain_reader"]
