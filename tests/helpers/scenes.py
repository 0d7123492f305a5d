"""Scenes as a phone sees them, drawn with digits of MNIST: a digit, and what else lies on the table or is printed.

Nothing here knows how the package looks for ink. `SCENES` names the kinds. A scene is drawn from one seeded generator:
the size of the picture, the place, size and angle of the writing, pen, paper, light, lens, sensor and JPEG quality vary
from scene to scene. Scenes of one seed show the same writing, so that a kind is compared with ``plain``.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

Array = np.ndarray
Generator = np.random.Generator


@dataclass
class Scene:
    """A scene being made. Both layers have the picture's shape; coverage 1 is full ink."""

    ink: Array
    """What was written."""
    angle: float
    """By which the sheet is turned, in degrees, counter-clockwise."""
    digit: int = 80
    """The height of a digit, pixels."""
    cells: list[tuple[int, int, int, int]] = field(default_factory=list)
    """The boxes of single digits before the sheet is turned: top, left, bottom, right."""
    printed: Array = field(init=False)
    """What was printed, with its strength."""


def draw_scene(kind: str, images: Array, seed: int) -> bytes:
    """Draw a scene of one of the `SCENES` as a JPEG file, with digits (n, 28, 28) in a row or as the kind has it."""
    written, random = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    recipe = SCENES[kind]
    scene = recipe.write(images, written)
    shape = scene.ink.shape
    scene.printed = np.zeros(shape)
    for change in recipe.print_:
        change(scene, random)
    ink, printed = (_turned(layer, scene.angle) for layer in (scene.ink, scene.printed))
    paper = (1 - written.uniform(0, 0.1, 3)) * written.uniform(0.75, 0.95)
    darkness = written.uniform(*recipe.darkness)
    ink_colour = paper * (1 - darkness * (1 - written.uniform(0, 0.2, 3)))
    covered = np.maximum(ink, printed)[:, :, None]
    picture = paper * (1 - covered) + ink_colour * covered
    texture = sum(written.uniform(0, 0.015) * noise(shape, grain, written) for grain in (1, 3, 12, 50))
    picture = picture * (1 + texture[:, :, None]) * _lamp(shape, written)[:, :, None]
    for change in recipe.light:
        picture = change(scene, picture, random)
    picture = picture + written.uniform(0, 0.02) * written.standard_normal(picture.shape)
    return develop(picture, written.uniform(0.3, 1.2), "RGB", int(written.integers(50, 96)))


def develop(picture: Array, blur: float, mode: str, quality: int) -> bytes:
    """Return a picture from 0 to 1 as a JPEG file, as a lens that blurs sees it, in colour or grey (Pillow's mode)."""
    image = Image.fromarray((255 * np.clip(picture, 0, 1)).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    file = io.BytesIO()
    image.convert(mode).save(file, "JPEG", quality=quality)
    return file.getvalue()


# --- writing -----------------------------------------------------------------------------------------------


def _one(images: Array, random: Generator, stroke: float = 0) -> Scene:
    """One digit somewhere on a page, not at its edge."""
    shape = [int(random.integers(240, 500)) for _ in range(2)]
    scene = Scene(np.zeros(shape), random.uniform(-10, 10))
    digit = _enlarged(images[0], random.uniform(0.25, 0.55) * min(shape), random, stroke)
    top, left = (int((0.5 + random.uniform(-0.15, 0.15)) * n - m / 2) for n, m in zip(shape, digit.shape, strict=True))
    put(scene.ink, digit, top, left)
    scene.digit, scene.cells = max(digit.shape), [(top, left, top + digit.shape[0], left + digit.shape[1])]
    return scene


def _code(images: Array, random: Generator, gap: tuple[float, float] = (0.3, 0.5), cell: float = 0) -> Scene:
    """Digits in a row, 80 pixels tall, ``gap`` of that apart, or each in a ``cell`` so many times as wide as high."""
    digits = [_enlarged(image, 80, random, 0) for image in images]
    length = sum(digit.shape[1] for digit in digits) + 90 * len(digits)
    scene = Scene(np.zeros((int(random.integers(220, 300)), length + 80)), random.uniform(-4, 4))
    _row(scene, digits, len(scene.ink) // 2, random, gap, cell)
    return scene


def _two_lines(images: Array, random: Generator, apart: int) -> Scene:
    """Two lines of as many digits, 60 to 80 pixels tall, ``apart`` from the lowest ink to the highest."""
    tall = random.uniform(60, 80)
    digits = [_enlarged(image, tall, random, 0) for image in images]
    half = len(digits) // 2
    shape = int(2 * tall + apart + random.uniform(100, 200)), int(tall * half * 1.4 + 150)
    scene = Scene(np.zeros(shape), random.uniform(-3, 3))
    for line, sign in ((digits[:half], -1), (digits[half:], 1)):
        tallest = max(len(digit) for digit in line)
        _row(scene, line, shape[0] // 2 + sign * (apart + tallest + 1) // 2, random, (0.2, 0.4))
    return scene


def _row(
    scene: Scene, digits: list[Array], middle: int, random: Generator, gap: tuple[float, float], cell: float = 0
) -> None:
    """Write digits from left to right, their middles at about the same height."""
    x = int(random.integers(30, 60))
    for digit in digits:
        (rows, columns), top = digit.shape, middle - len(digit) // 2
        right = x + (round(80 * cell) if cell else columns)
        put(scene.ink, digit, top, x + (right - x - columns) // 2)
        scene.cells.append((middle - 54, x, middle + 54, right) if cell else (top, x, top + rows, right))
        x = right + (0 if cell else round(80 * random.uniform(*gap)))


def _neighbour(images: Array, random: Generator) -> Scene:
    """One digit, and at the left or right rim a slice of another, as wide as 5 to 15 % of it."""
    scene = _one(images, random)
    other = _enlarged(images[1], scene.digit, random, 0)
    part = max(2, round(random.uniform(0.05, 0.15) * other.shape[1]))
    scene.angle /= 4
    is_left, top = random.random() < 0.5, scene.cells[0][0]
    put(scene.ink, other[:, -part:] if is_left else other[:, :part], top, 0 if is_left else scene.ink.shape[1] - part)
    return scene


def _tight(images: Array, random: Generator) -> Scene:
    """One digit, cropped to its ink on one to four sides."""
    scene = _one(images, random)
    scene.angle = 0
    (top, bottom), (left, right) = extent(scene.ink > 0.3)
    margin = round(0.3 * scene.digit)
    sides = random.random(4) < 0.5
    sides[random.integers(4)] = True
    top, left = (max(0, a - margin * (not cut)) for a, cut in zip((top, left), sides[:2], strict=True))
    bottom, right = (a + margin * (not cut) for a, cut in zip((bottom, right), sides[2:], strict=True))
    scene.ink = scene.ink[top:bottom, left:right]
    return scene


def _pencil(images: Array, random: Generator) -> Scene:
    """Digits in a row, each pressed differently: 0.25 to 1 of the darkest."""
    scene = _code(images, random)
    for k, (_, left, _, right) in enumerate(scene.cells):
        scene.ink[:, left:right] *= random.uniform(0.25, 1) if k else 1
    return scene


# --- printing ----------------------------------------------------------------------------------------------


def _frame(scene: Scene, random: Generator, gap: tuple[float, float], sides: str = "tlbr") -> None:
    """A frame around the digit, or of its sides one (anyone) or those that are named: top, left, bottom, right."""
    thick, strength = max(2, round(scene.digit * random.uniform(0.01, 0.035))), random.uniform(0.6, 1)
    gaps = [round(scene.digit * random.uniform(*gap)) for _ in range(4)]
    top, left, bottom, right = np.add(scene.cells[0], np.multiply(gaps, (-1, -1, 1, 1)))
    sides = random.choice(list("tlbr")) if sides == "one" else sides
    _print_sides(scene.printed, (max(top, thick), max(left, thick), bottom, right), thick, strength, sides)


def _boxes(scene: Scene, random: Generator) -> None:
    """A box around every cell, adjoining."""
    thick, strength = max(2, round(scene.digit * random.uniform(0.015, 0.04))), random.uniform(0.5, 1)
    for top, left, bottom, right in scene.cells:
        _print_sides(scene.printed, (top + thick, left + thick, bottom, right), thick, strength)


def _print_sides(
    page: Array, inside: tuple[int, int, int, int], thick: int, strength: float, sides: str = "tlbr"
) -> None:
    top, left, bottom, right = inside
    for side, area in {
        "t": np.s_[top - thick : top, left - thick : right + thick],
        "b": np.s_[bottom : bottom + thick, left - thick : right + thick],
        "l": np.s_[top - thick : bottom + thick, left - thick : left],
        "r": np.s_[top - thick : bottom + thick, right : right + thick],
    }.items():
        if side in sides:
            page[area] = strength


def _margin_line(scene: Scene, random: Generator) -> None:
    thick, strength = int(random.integers(2, 5)), random.uniform(0.4, 1)
    x = max(4, scene.cells[0][1] - round(scene.digit * random.uniform(0.15, 0.5)))
    scene.printed[:, x : x + thick] = strength


def _rules(scene: Scene, random: Generator, columns: bool, apart: tuple[float, float]) -> None:
    """Rules at 0.4 of the ink's contrast, all over the page; with ``columns`` squares."""
    step, thick = round(scene.digit * random.uniform(*apart)), int(random.integers(1, 4))
    for axis in (0, 1) if columns else (0,):
        across = np.moveaxis(scene.printed, axis, 0)
        for line in np.arange(int(random.integers(0, step)), len(across) - thick, step):
            across[line : line + thick] = 0.4


# --- light and what lies around ----------------------------------------------------------------------------


def _desk(scene: Scene, picture: Array, random: Generator) -> Array:
    """Lay the sheet, as it is photographed, on a dark desk: it takes up 50 to 95 % of the picture."""
    part = math.sqrt(random.uniform(0.5, 0.95))
    angle = random.uniform(-10, 10) if part < 0.9 else random.uniform(-2, 2)
    angle = float(np.clip(angle, -10 - scene.angle, 10 - scene.angle))  # the writing is turned by 10 degrees at most
    height, width = (round(n / part) for n in picture.shape[:2])
    top, left = (int(random.uniform(0.1, 0.9) * (n - m)) for n, m in zip((height, width), picture.shape, strict=False))
    desk = np.array([1.0, 0.8, 0.6]) ** random.uniform(0, 1) * random.uniform(0.08, 0.4)
    grain = 0.15 * noise((height // 8 + 2, width), 4, random).repeat(8, axis=0)[:height]
    whole = desk * (1 + grain[:, :, None])
    layers = np.dstack([picture, np.ones(picture.shape[:2])])  # colours, and where the sheet is
    around = [(first, n - m - first) for first, n, m in zip((top, left), (height, width), picture.shape, strict=False)]
    layers = np.stack([_turned(np.pad(layer, around), angle) for layer in np.moveaxis(layers, 2, 0)], axis=-1)
    sheet, mask = layers[:, :, :3], layers[:, :, 3:]
    shadow = 1 - 0.4 * gaussian_filter(np.roll(mask[:, :, 0], (4, 4), (0, 1)), 4)[:, :, None]
    return whole * shadow * (1 - mask) + sheet


def _bands(scene: Scene, picture: Array, random: Generator, sides: int) -> Array:
    """A dark band of a scan, 3 to 12 % of the side wide, along as many sides."""
    turns, picture = int(random.integers(4)), picture.copy()
    for k in range(sides):
        view = np.rot90(picture, turns + k * int(random.integers(1, 4)))
        thick = max(3, round(random.uniform(0.03, 0.12) * len(view)))
        view[:thick] = random.uniform(0, 0.25) * (1 + 0.05 * random.standard_normal(view[:thick].shape))
    return picture


def _shadow(scene: Scene, picture: Array, random: Generator, soft: float) -> Array:
    """Half of the light is taken on one side of an edge near the middle."""
    edge = _along(random.uniform(0, math.tau), picture.shape[:2]) - random.uniform(-0.4, 0.4)
    return picture * (1 - 0.25 * (1 + np.tanh(edge / soft)))[:, :, None]


def _reflection(scene: Scene, picture: Array, random: Generator) -> Array:
    """A lamp seen in a whiteboard: a saturated spot with a soft rim, beside the digit or over a part of its margin."""
    board = picture * random.uniform(0.5, 0.8)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    radius = random.uniform(0.08, 0.2) * min(picture.shape[:2])
    top, left, bottom, right = scene.cells[0]
    cy, cx = (top + bottom) / 2, (left + right) / 2
    away, angle = scene.digit / 2 + 1.2 * radius, random.uniform(0, math.tau)
    far = np.hypot(y - cy - away * math.sin(angle), (x - cx - away * math.cos(angle)) / random.uniform(0.7, 1.4))
    glare = 1 / (1 + np.exp((far - radius) / (0.1 * radius + 1)))
    return np.clip(board + 1.2 * glare[:, :, None], 0, 1)


# --- tools -------------------------------------------------------------------------------------------------


def _enlarged(image: Array, size: float, random: Generator, stroke: float) -> Array:
    """Enlarge a digit until its longer side has ``size`` pixels; the edges become those of a pen."""
    digit = np.pad(trimmed(image, 60), 1)
    scale = size / max(np.subtract(digit.shape, 2))
    shape = round(digit.shape[1] * scale), round(digit.shape[0] * scale)
    grey = np.asarray(Image.fromarray(digit).resize(shape, Image.Resampling.BICUBIC)) / 255
    grey = np.clip(0.5 + (gaussian_filter(grey, 0.4 * scale) - 0.45 + stroke) * random.uniform(2, 5), 0, 1)
    return trimmed(grey, 0.3)


def extent(is_ink: Array) -> list[Array]:
    """Return the first row of ink and the one behind the last, and the same of columns."""
    return [np.flatnonzero(is_ink.any(axis=axis))[[0, -1]] + [0, 1] for axis in (1, 0)]


def trimmed(image: Array, paper: float) -> Array:
    """Cut away rows and columns at the rim with nothing above ``paper``."""
    rows, columns = extent(image > paper)
    return image[slice(*rows), slice(*columns)]


def put(page: Array, digit: Array, top: int, left: int) -> None:
    """Write a digit on a page; what does not fit on it is cut off."""
    view = page[max(top, 0) : top + digit.shape[0], max(left, 0) : left + digit.shape[1]]
    np.maximum(view, digit[max(-top, 0) :, max(-left, 0) :][: view.shape[0], : view.shape[1]], out=view)


def _turned(layer: Array, angle: float) -> Array:
    if not angle:
        return layer
    return np.asarray(Image.fromarray(layer.astype(np.float32)).rotate(angle, Image.Resampling.BILINEAR))


def noise(shape: tuple[int, int], grain: int, random: Generator, dtype: type = np.float64) -> Array:
    """Return smooth noise: normal numbers a grain apart."""
    small = random.standard_normal((shape[0] // grain + 2, shape[1] // grain + 2), dtype).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def _lamp(shape: tuple[int, int], random: Generator) -> Array:
    angle, weakest = random.uniform(0, math.tau), random.uniform(0.6, 1)
    return weakest + (1 - weakest) * (0.5 + _along(angle, shape) / math.sqrt(8))


def _along(angle: float, shape: tuple[int, int]) -> Array:
    """Return how far each pixel lies in a direction; the rims of the picture are at -1 and 1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return math.cos(angle) * x + math.sin(angle) * y


@dataclass(frozen=True)
class Recipe:
    """How a kind of scene is made."""

    write: Callable[[Array, Generator], Scene] = _one
    print_: tuple[Callable[[Scene, Generator], None], ...] = ()
    light: tuple[Callable[[Scene, Array, Generator], Array], ...] = ()
    n_digits: int = 1
    darkness: tuple[float, float] = (0.55, 0.95)


SCENES: dict[str, Recipe] = {
    "plain": Recipe(),
    "sheet on a desk": Recipe(light=(_desk,)),
    "band at one side": Recipe(light=(partial(_bands, sides=1),)),
    "bands at two sides": Recipe(light=(partial(_bands, sides=2),)),
    "hard shadow": Recipe(light=(partial(_shadow, soft=0.005),)),
    "soft shadow": Recipe(light=(partial(_shadow, soft=0.1),)),
    "reflection": Recipe(light=(_reflection,)),
    "box": Recipe(print_=(partial(_frame, gap=(0.12, 0.4)),)),
    "box that touches": Recipe(print_=(partial(_frame, gap=(-0.06, 0.02)),)),
    "underline": Recipe(print_=(partial(_frame, gap=(0.02, 0.25), sides="b"),)),
    "side of a box": Recipe(print_=(partial(_frame, gap=(0.1, 0.4), sides="one"),)),
    "margin line": Recipe(print_=(_margin_line,)),
    "ruled": Recipe(print_=(partial(_rules, columns=False, apart=(0.5, 0.9)),)),
    "squared": Recipe(print_=(partial(_rules, columns=True, apart=(0.3, 0.6)),)),
    "slice of a neighbour": Recipe(write=_neighbour, n_digits=2),
    "cropped tightly": Recipe(write=_tight),
    "thin pen": Recipe(write=partial(_one, stroke=-0.2)),
    "code": Recipe(write=_code, n_digits=5),
    "form boxes": Recipe(write=partial(_code, cell=1.15), print_=(_boxes,), n_digits=5),
    "code 3 apart": Recipe(write=partial(_code, gap=(3 / 80, 3 / 80)), n_digits=5),
    "code touching": Recipe(write=partial(_code, gap=(0, 0)), n_digits=5),
    "code overlapping": Recipe(write=partial(_code, gap=(-4 / 80, -4 / 80)), n_digits=5),
    "pencil": Recipe(write=_pencil, n_digits=5, darkness=(0.3, 0.6)),
    "lines 20 apart": Recipe(write=partial(_two_lines, apart=20), n_digits=8),
    "lines 10 apart": Recipe(write=partial(_two_lines, apart=10), n_digits=8),
}
"""The kinds. Where the recipe takes several digits, all have to be found, in order."""
