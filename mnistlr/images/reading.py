"""From a file or an array to light: floats from 0 (black) to 1 (white), upright, of moderate size."""

import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.files import open_plain
from mnistlr.exceptions import ImageError, MissingExtraError
from mnistlr.images.surface import shrink

LONGEST = 500
"""Larger pictures are shrunk by a whole factor until their longer side has at most this many pixels."""

Array = NDArray[np.float64]

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
_EXPECTED = "PNG, JPEG, WebP, TIFF, BMP, GIF or PPM"
# What Pillow's decoders raise on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError, struct.error)


class Picture(NamedTuple):
    """What was read."""

    light: Array
    """Shape (rows, columns) or (rows, columns, 3): grey, or red, green and blue; from 0 (black) to 1 (white)."""
    shape: tuple[int, ...]
    """The shape that the picture had before it was shrunk."""


def read_picture(source: Any) -> Picture:
    """Read a picture.

    Parameters
    ----------
    source : path-like, bytes, binary file, PIL.Image.Image or array-like
        A file is PNG, JPEG, WebP, TIFF, BMP, GIF or PPM, of any depth, grey, coloured or with a palette; it is turned
        the way up that its EXIF data say. Of an animation the first frame is taken. An array has shape (rows, columns)
        or (rows, columns, 3 or 4), the fourth channel being opacity. White is 1 if no number in it is larger, else
        255 if none is larger, else (16 bits and more) the largest number.

    Returns
    -------
    Picture
        What is transparent is white, or black where nothing could be seen on white.

    Raises
    ------
    ImageError
        If the file or the array is no picture, is damaged or too large; if a path leads to a folder or a pipe.
    OSError
        If the file cannot be opened.
    MissingExtraError
        If Pillow is not installed; arrays do not need it.
    """
    array = np.asarray(source) if isinstance(source, np.ndarray | list | tuple) else _decode(source)
    return Picture(_light(array), array.shape)


def _light(picture: NDArray[Any]) -> Array:
    shape, kind = picture.shape, picture.dtype.kind
    if kind not in "buif" or len(shape) not in (2, 3) or shape[2:] not in ((), (3,), (4,)) or not picture.size:
        raise ImageError(
            "expected a picture of numbers of shape (rows, columns), (rows, columns, 3) or (rows, columns, 4), got "
            f"{picture.dtype} of shape {shape}."
        )
    darkest, lightest = picture.min(), picture.max()
    if not (darkest >= 0 and np.isfinite(lightest)):  # false for NaN
        raise ImageError(f"expected a picture of numbers from 0 (black) up, got some from {darkest} to {lightest}.")
    white = 1 if lightest <= 1 else max(255, lightest)
    light = shrink(picture, LONGEST) / float(white)
    return _on_paper(light) if shape[2:] == (4,) else light


def _on_paper(light: Array) -> Array:
    colours, opacity = light[..., :3], light[..., 3:]
    on_white = colours * opacity + (1 - opacity)
    return on_white if np.ptp(on_white) > 0.1 else colours * opacity


def _decode(source: Any) -> NDArray[Any]:
    """Read a file with Pillow, or take what Pillow has read."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtraError(
            "reading pictures needs Pillow, which is not installed; install it with: pip install 'mnistlr[images]'"
        ) from error
    if isinstance(source, Image.Image):
        with _told_as_image_errors():
            image = ImageOps.exif_transpose(source)
    elif isinstance(source, str | os.PathLike):
        with open_plain(source, ImageError) as file:
            image = _open(file)
    elif isinstance(source, bytes | bytearray | memoryview):
        image = _open(BytesIO(source))
    elif hasattr(source, "read"):
        image = _open(source)
    else:
        raise TypeError(f"expected a path, bytes, a file, a Pillow image or an array, got {type(source).__name__}.")
    if image.mode.startswith(("I", "F")):  # more than 8 bits of grey, which Pillow would cut off at 255
        return np.asarray(image)
    mode = "RGBA" if image.has_transparency_data else "L" if image.mode in ("1", "L") else "RGB"
    return np.asarray(image.convert(mode))


def _open(file: Any) -> Any:
    from PIL import Image, ImageOps

    with _told_as_image_errors(), Image.open(file, formats=_FORMATS) as image:
        return ImageOps.exif_transpose(image)


@contextmanager
def _told_as_image_errors() -> Iterator[None]:
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata does no harm
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise ImageError(
                f"the picture is too large: more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels; shrink it first."
            ) from None
        except UnidentifiedImageError:
            raise ImageError(
                f"this is no picture that can be read here; expected {_EXPECTED} (convert HEIC to JPEG)."
            ) from None
        except _DAMAGE as error:
            raise ImageError(f"the picture is damaged: {error}") from error
