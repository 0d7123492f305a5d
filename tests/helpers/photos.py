"""Photos of handwritten digits, made from MNIST's: what happens between the pen and the file.

Nothing here knows how the package looks for ink. Each photo has its own size, place of the digit, pen, paper, light,
camera and JPEG quality, all drawn from one seeded generator.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter


@dataclass
class Photo:
    """A JPEG file, and where the digit's 20x20 box lies in it: (top, left, bottom, right)."""

    jpeg: bytes
    box: tuple[int, int, int, int]


def take_photo(
    pixels: np.ndarray | None,
    random: np.random.Generator,
    *,
    sides: tuple[int, int] = (60, 1000),
    share: tuple[float, float] = (0.3, 0.95),
    stroke: float = 0.0,
) -> Photo:
    """Take a photo of a 28x28 digit, or of an empty page (None).

    ``sides`` are the bounds of height and width in pixels, ``share`` those of the digit's height or width in the
    shorter of them. ``stroke`` widens (> 0) or thins (< 0) the strokes by so many MNIST pixels on either side.
    """
    height, width = (int(random.integers(sides[0], sides[1] + 1)) for _ in range(2))
    if max(height, width) > 2 * min(height, width):  # cameras take no panoramas of a digit
        height = width = max(height, width)
    size = max(20, int(min(height, width) * random.uniform(*share)))  # of the digit's 20x20 box
    coverage, top, left = np.zeros((height, width), dtype=np.float32), 0, 0
    if pixels is not None:
        coverage, top, left = _draw(pixels, size, (height, width), random, stroke)

    paper = 1 - random.uniform(0, 0.12, 3).astype(np.float32)
    paper *= random.uniform(0.6, 1.0)
    ink = (
        paper * random.uniform(0.0, 0.6) * (1 - random.uniform(0, 0.5, 3).astype(np.float32))
    )  # a soft pencil to a black felt pen
    texture = _texture((height, width), random)[:, :, None]
    scene = paper * (1 - coverage[:, :, None]) + ink * coverage[:, :, None]
    scene = scene * (1 + texture) * _light((height, width), random)[:, :, None]
    if random.random() < 0.5:
        scene = 1 - scene

    scene += random.uniform(0, 0.03) * random.standard_normal(scene.shape, dtype=np.float32)  # the sensor
    image = Image.fromarray((255 * np.clip(scene, 0, 1)).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(random.uniform(0, 0.006) * min(height, width)))  # the lens
    if random.random() < 0.3:
        image = image.convert("L")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(random.integers(30, 96)))
    return Photo(file.getvalue(), (top, left, top + size, left + size))


def on_a_page(images: Sequence[np.ndarray], gap: int, factor: int = 4) -> np.ndarray:
    """Write digits in a row, dark on grey paper, each trimmed to its ink, ``gap`` of MNIST's pixels apart."""
    page = [np.zeros((28, 4))]
    for image in images:
        columns = np.flatnonzero(image.any(axis=0))
        page += [image[:, columns[0] : columns[-1] + 1], np.zeros((28, gap))]
    return (200 - 0.6 * np.kron(np.hstack(page), np.ones((factor, factor)))).astype(np.uint8)


def _draw(
    pixels: np.ndarray, size: int, shape: tuple[int, int], random: np.random.Generator, stroke: float
) -> tuple[np.ndarray, int, int]:
    """Enlarge the digit and put it somewhere on a page of this shape; return how much of each pixel it covers."""
    used = pixels.any(axis=1), pixels.any(axis=0)
    (top, bottom), (left, right) = (np.flatnonzero(along)[[0, -1]] + [0, 1] for along in used)
    digit = np.pad(pixels[top:bottom, left:right], 2)
    scale = size / 20
    big = Image.fromarray(digit).resize(
        (max(1, round(digit.shape[1] * scale)), max(1, round(digit.shape[0] * scale))), Image.Resampling.BICUBIC
    )
    grey = np.asarray(big) / 255.0
    if stroke:
        steps = max(1, round(abs(stroke) * scale))
        kind = ImageFilter.MaxFilter if stroke > 0 else ImageFilter.MinFilter
        for _ in range(steps):
            big = big.filter(kind(3))
        grey = np.asarray(big) / 255.0
    sharp = random.uniform(1, 6)  # 1 leaves MNIST's soft edges, enlarged; a pen's are sharp
    grey = np.clip(0.5 + (grey - 0.5) * sharp, 0, 1)
    page = np.zeros(shape, dtype=np.float32)
    margin = round(2 * scale)
    rows, columns = (n - 2 * margin for n in grey.shape)
    top = int(random.integers(0, shape[0] - rows + 1))
    left = int(random.integers(0, shape[1] - columns + 1))
    y, x = max(0, top - margin), max(0, left - margin)
    part = grey[y - (top - margin) :, x - (left - margin) :][: shape[0] - y, : shape[1] - x]
    page[y : y + part.shape[0], x : x + part.shape[1]] = part
    return page, top, left


def _texture(shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Fibres and blotches: noise of several grain sizes, up to a twelfth of the brightness (standard deviation)."""
    texture = np.zeros(shape, dtype=np.float32)
    for grain in (1, 3, 12, 50):
        small = random.standard_normal((shape[0] // grain + 2, shape[1] // grain + 2), dtype=np.float32)
        big = Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
        texture += np.asarray(big) * np.float32(random.uniform(0, 0.04))
    return texture


def _light(shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """A lamp on one side, a lens that darkens the corners, and now and then a shadow with a soft edge."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    angle = random.uniform(0, math.tau)
    along = math.cos(angle) * x + math.sin(angle) * y
    darkest = random.uniform(0.35, 1)
    light = darkest + (1 - darkest) * (along + math.sqrt(2)) / (2 * math.sqrt(2))
    light *= 1 - random.uniform(0, 0.3) * (x**2 + y**2) / 2
    if random.random() < 0.25:
        angle = random.uniform(0, math.tau)
        edge = math.cos(angle) * x + math.sin(angle) * y - random.uniform(-0.8, 0.8)
        # The logistic function by tanh, which does not overflow.
        light *= 1 - random.uniform(0.1, 0.5) * (1 + np.tanh(edge / (2 * random.uniform(0.02, 0.3)))) / 2
    return light
