"""Own handwriting: a photo or a drawing becomes what MNIST's authors made of theirs."""

from mnistlr.images.normalise import normalise

__all__ = ["normalise"]
