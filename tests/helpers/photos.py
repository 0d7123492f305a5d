"""Photos of handwritten digits, made from MNIST's: what happens between the pen and the file.

Nothing here knows how the package looks for ink. Each photo has its own size, place of the digit, pen, paper, light,
camera and JPEG quality, all drawn from one seeded generator.
"""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from tests.helpers.scenes import develop, noise, put, trimmed


def take_photo(
    pixels: np.ndarray | None,
    random: np.random.Generator,
    *,
    sides: tuple[int, int] = (60, 1000),
    share: tuple[float, float] = (0.3, 0.95),
    stroke: float = 0.0,
) -> bytes:
    """Take a photo of a 28x28 digit, or of an empty page (None): a JPEG file.

    ``sides`` are the bounds of height and width in pixels, ``share`` those of the digit's height or width in the
    shorter of them. ``stroke`` widens (> 0) or thins (< 0) the strokes by so many MNIST pixels on either side.
    """
    height, width = (int(random.integers(sides[0], sides[1] + 1)) for _ in range(2))
    if max(height, width) > 2 * min(height, width):  # cameras take no panoramas of a digit
        height = width = max(height, width)
    size = max(20, int(min(height, width) * random.uniform(*share)))  # of the digit's 20x20 box
    coverage = np.zeros((height, width), dtype=np.float32)
    if pixels is not None:
        _draw(pixels, size, coverage, random, stroke)

    paper = 1 - random.uniform(0, 0.12, 3).astype(np.float32)
    paper *= random.uniform(0.6, 1.0)
    strength = random.uniform(0.0, 0.6)  # a black felt pen to a soft pencil
    ink = paper * strength * (1 - random.uniform(0, 0.5, 3).astype(np.float32))
    texture = sum(
        noise((height, width), grain, random, np.float32) * np.float32(random.uniform(0, 0.04))
        for grain in (1, 3, 12, 50)
    )
    scene = paper * (1 - coverage[:, :, None]) + ink * coverage[:, :, None]
    scene = scene * (1 + texture[:, :, None]) * _light((height, width), random)[:, :, None]
    if random.random() < 0.5:
        scene = 1 - scene
    scene += random.uniform(0, 0.03) * random.standard_normal(scene.shape, dtype=np.float32)  # the sensor
    blur = random.uniform(0, 0.006) * min(height, width)
    return develop(scene, blur, "L" if random.random() < 0.3 else "RGB", int(random.integers(30, 96)))


def on_a_page(images: Sequence[np.ndarray], gap: int, factor: int = 4) -> np.ndarray:
    """Write digits in a row, dark on grey paper, each trimmed to its ink, ``gap`` of MNIST's pixels apart."""
    page = [np.zeros((28, 4))]
    for image in images:
        columns = np.flatnonzero(image.any(axis=0))
        page += [image[:, columns[0] : columns[-1] + 1], np.zeros((28, gap))]
    return (200 - 0.6 * np.kron(np.hstack(page), np.ones((factor, factor)))).astype(np.uint8)


def _draw(pixels: np.ndarray, size: int, page: np.ndarray, random: np.random.Generator, stroke: float) -> None:
    """Enlarge the digit and put it somewhere on a page of coverage."""
    digit, scale = np.pad(trimmed(pixels, 0), 2), size / 20
    rows, columns = (max(1, round(n * scale)) for n in digit.shape)
    big = Image.fromarray(digit).resize((columns, rows), Image.Resampling.BICUBIC)
    if stroke:
        for _ in range(max(1, round(abs(stroke) * scale))):
            big = big.filter((ImageFilter.MaxFilter if stroke > 0 else ImageFilter.MinFilter)(3))
    sharp = random.uniform(1, 6)  # 1 leaves MNIST's soft edges, enlarged; a pen's are sharp
    grey = np.clip(0.5 + (np.asarray(big) / 255.0 - 0.5) * sharp, 0, 1)
    margin = round(2 * scale)
    top, left = (
        int(random.integers(0, n - m + 2 * margin + 1)) - margin for n, m in zip(page.shape, grey.shape, strict=True)
    )
    put(page, grey, top, left)


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
