"""From a file or an array to light: floats from 0 (black) to 1 (white), upright, of moderate size."""

import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from mnistlr._support.arrays import Array, Floats
from mnistlr._support.extras import needed
from mnistlr._support.files import open_plain
from mnistlr.exceptions import ImageError
from mnistlr.images.surface import shrink

LONGEST = 500
"""Larger pictures are shrunk by a whole factor until their longer side has at most this many pixels."""


MOST_PIXELS = 50_000_000
"""Files with more pixels are refused. Phones take photos of 12 to 50 million."""

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
_EXPECTED = "PNG, JPEG, WebP, TIFF, BMP, GIF or PPM"
_ORIENTATION = 0x0112  # the EXIF tag: 5 to 8 mean a quarter turn
# What people take for a picture, by how the file begins.
_OTHERS = (
    (rb"%PDF", "this is a PDF, not a picture; save its page as PNG, or take a screenshot of it."),
    (
        rb"(?s).{4}ftyp(hei|hev|mif|msf|avif)",
        "this is a HEIC or AVIF photo, which cannot be read here; save it as JPEG.",
    ),
    (
        rb"(?is)\s*(<\?xml.*|<!--.*|<!doctype svg.*)?<svg",
        "this is an SVG drawing, which has no pixels; export it as PNG.",
    ),
    (
        rb"(?is)\s*(<\?xml.*)?(<!doctype html|<html|<head)",
        "this is a web page; open it in a browser and save its picture.",
    ),
)
# What Pillow's decoders raise on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError, struct.error)


class Picture(NamedTuple):
    """What was read."""

    light: Floats
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
        or (rows, columns, 3 or 4), the fourth channel being opacity. A single channel, (rows, columns, 1), or a batch
        of one, (1, rows, columns), will do as well. White is 1 if no number in it is larger, else 255 if none is
        larger, else (16 bits and more) the largest number.

    Returns
    -------
    Picture
        What is transparent is white, or black where nothing could be seen on white.

    Raises
    ------
    ImageError
        If the file or the array is no picture or is damaged; if the file has more than `MOST_PIXELS`; if a path leads
        to a folder or a pipe.
    OSError
        If the file cannot be opened.
    MissingExtraError
        If Pillow is not installed; arrays do not need it.
    """
    if isinstance(source, np.ndarray | list | tuple):
        array = _without_axes_of_one(np.asarray(source))
        return Picture(_light(array), array.shape)
    array, shape = _decode(source)
    return Picture(_light(array), shape)


def _without_axes_of_one(array: Array) -> Array:
    """Take a single channel, (rows, columns, 1), or a batch of one, (1, rows, columns), as (rows, columns)."""
    if array.ndim == 3 and array.shape[2] == 1:
        return array[:, :, 0]
    return array[0] if array.ndim == 3 and array.shape[0] == 1 and array.shape[2] not in (3, 4) else array


def _light(picture: Array) -> Floats:
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


def _on_paper(light: Floats) -> Floats:
    colours, opacity = light[..., :3], light[..., 3:]
    on_white = colours * opacity + (1 - opacity)
    return on_white if np.ptp(on_white) > 0.1 else colours * opacity


def _decode(source: Any) -> tuple[Array, tuple[int, ...]]:
    """Read a file with Pillow, or take what Pillow has read; return it, perhaps shrunk, and the shape before."""
    with needed("Pillow", "images", "reading pictures"):
        from PIL import Image
    if isinstance(source, Image.Image):
        with _told_as_image_errors(b""):
            return _pixels(source)
    if isinstance(source, str | os.PathLike):
        with open_plain(source, ImageError) as file:
            return _open(file)
    if isinstance(source, bytes | bytearray | memoryview):
        return _open(BytesIO(source))
    if hasattr(source, "read"):
        return _open(source)
    raise TypeError(f"expected a path, bytes, a file, a Pillow image or an array, got {type(source).__name__}.")


def _open(file: Any) -> tuple[Array, tuple[int, ...]]:
    from PIL import Image

    start = file.tell()
    head = file.read(1000)
    file.seek(start)
    if not head:
        raise ImageError("the file is empty, it has 0 bytes; copy or download the picture again.")
    with _told_as_image_errors(head), Image.open(file, formats=_FORMATS) as image:
        return _pixels(image)


def _pixels(image: Any) -> tuple[Array, tuple[int, ...]]:
    """Decode an image at about the size that is needed, upright; return it and the shape that it has in full."""
    from PIL import ImageOps

    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ImageError(
            f"the picture is too large: {width} x {height} pixels, more than {MOST_PIXELS:,}; shrink it first."
        )
    is_on_its_side = image.getexif().get(_ORIENTATION, 1) >= 5
    shape = (width, height) if is_on_its_side else (height, width)
    image.draft(image.mode, (2 * LONGEST, 2 * LONGEST))  # a JPEG is decoded at 1/2, 1/4 or 1/8, no smaller than this
    if not image.mode.startswith(("I", "F")):  # those have more than 8 bits of grey, which Pillow would cut off at 255
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode in ("1", "L") else "RGB")
        k = -(-max(image.size) // LONGEST)
        exif = image.getexif()
        image = image.reduce(k) if k > 1 else image
        image.getexif().update(exif)
    return np.asarray(ImageOps.exif_transpose(image)), shape


@contextmanager
def _told_as_image_errors(head: bytes) -> Iterator[None]:
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata does no harm
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise ImageError(f"the picture is too large: more than {MOST_PIXELS:,} pixels; shrink it first.") from None
        except UnidentifiedImageError:
            for beginning, message in _OTHERS:
                if re.match(beginning, head):
                    raise ImageError(message) from None
            raise ImageError(f"this is no picture that can be read here; expected {_EXPECTED}.") from None
        except _DAMAGE as error:
            raise ImageError(f"the picture is damaged: {error}") from error
