"""Shapes in which people write the ten digits, as strokes of a pen; drawn for these tests, and never trained on."""

import math
from collections.abc import Iterator

Stroke = list[tuple[float, float]]
"""Points (x, y) on paper from 0 to 1, y downwards."""
Drawing = list[Stroke]


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> Stroke:
    """Points on an ellipse about (x, y), from one angle in degrees to another; 0 is right, 90 is down."""
    n = max(2, math.ceil(abs(stop - start) / 20))
    angles = [math.radians(start + (stop - start) * i / n) for i in range(n + 1)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


SHAPES: dict[str, Drawing] = {
    "0 oval": [arc(0.5, 0.5, 0.2, 0.32, -90, 270)],
    "0 round": [arc(0.5, 0.5, 0.3, 0.32, -70, 285)],
    "0 narrow": [arc(0.5, 0.5, 0.13, 0.33, -100, 262)],
    "0 slashed": [arc(0.5, 0.5, 0.21, 0.32, -90, 270), [(0.68, 0.22), (0.5, 0.5), (0.32, 0.78)]],
    "1 stick": [[(0.5, 0.17), (0.5, 0.5), (0.49, 0.83)]],
    "1 with an upstroke": [[(0.36, 0.36), (0.45, 0.28), (0.53, 0.18), (0.53, 0.5), (0.52, 0.83)]],
    "1 serifed": [[(0.38, 0.32), (0.47, 0.25), (0.53, 0.17), (0.53, 0.5), (0.53, 0.82)], [(0.36, 0.82), (0.7, 0.82)]],
    "1 leaning": [[(0.58, 0.17), (0.5, 0.5), (0.43, 0.83)]],
    "2 with a flat foot": [[*arc(0.5, 0.36, 0.19, 0.18, 195, 400), (0.48, 0.66), (0.31, 0.81), (0.72, 0.81)]],
    "2 with a loop": [
        [
            *arc(0.49, 0.35, 0.19, 0.18, 200, 395),
            (0.52, 0.62),
            *arc(0.37, 0.74, 0.09, 0.07, -30, -290),
            (0.55, 0.8),
            (0.73, 0.76),
        ]
    ],
    "2 angular": [[(0.32, 0.24), (0.66, 0.21), (0.66, 0.4), (0.32, 0.8), (0.7, 0.8)]],
    "3 round": [[*arc(0.48, 0.34, 0.17, 0.16, 205, 440), *arc(0.48, 0.66, 0.2, 0.17, 280, 515)]],
    "3 with a flat top": [[(0.32, 0.2), (0.66, 0.2), (0.46, 0.44), *arc(0.48, 0.62, 0.19, 0.19, 280, 510)]],
    "3 with a point": [
        [*arc(0.47, 0.34, 0.17, 0.16, 200, 425), (0.44, 0.49), (0.55, 0.5), *arc(0.48, 0.66, 0.2, 0.17, 300, 520)]
    ],
    "4 open": [[(0.33, 0.2), (0.3, 0.52), (0.72, 0.52)], [(0.63, 0.28), (0.62, 0.84)]],
    "4 closed": [[(0.57, 0.82), (0.58, 0.18), (0.28, 0.62), (0.74, 0.62)]],
    "4 rounded": [
        [(0.34, 0.2), *arc(0.44, 0.38, 0.12, 0.15, 170, 70), (0.66, 0.48)],
        [(0.66, 0.2), (0.63, 0.5), (0.6, 0.84)],
    ],
    "5 in one": [[(0.68, 0.19), (0.38, 0.19), (0.36, 0.47), *arc(0.48, 0.63, 0.2, 0.19, 235, 500)]],
    "5 with a cap": [[(0.38, 0.2), (0.36, 0.48), *arc(0.49, 0.63, 0.19, 0.19, 240, 495)], [(0.38, 0.2), (0.7, 0.18)]],
    "5 like an S": [[*arc(0.53, 0.33, 0.18, 0.15, -30, -230), *arc(0.48, 0.64, 0.19, 0.18, -60, 140)]],
    "6 curved": [[(0.64, 0.18), (0.47, 0.3), (0.36, 0.52), *arc(0.5, 0.66, 0.16, 0.16, 180, -190)]],
    "6 straight": [[(0.54, 0.16), (0.38, 0.56), *arc(0.5, 0.66, 0.15, 0.15, 200, -160)]],
    "6 with a large loop": [[*arc(0.56, 0.5, 0.24, 0.33, 285, 150), *arc(0.5, 0.62, 0.2, 0.2, 150, -170)]],
    "7 plain": [[(0.3, 0.2), (0.7, 0.2), (0.58, 0.5), (0.46, 0.83)]],
    "7 crossed": [[(0.3, 0.21), (0.7, 0.2), (0.58, 0.5), (0.45, 0.83)], [(0.4, 0.52), (0.7, 0.5)]],
    "7 with a hook": [[(0.3, 0.32), (0.31, 0.2), (0.7, 0.2), (0.6, 0.45), (0.5, 0.83)]],
    "8 in one": [
        [
            *arc(0.5, 0.34, 0.15, 0.15, -50, -270),
            *arc(0.5, 0.66, 0.18, 0.17, -90, 270),
            *arc(0.5, 0.34, 0.15, 0.15, 90, -60),
        ]
    ],
    "8 of two rings": [arc(0.5, 0.33, 0.15, 0.15, 90, 450), arc(0.5, 0.66, 0.18, 0.18, -90, 270)],
    "9 straight": [[*arc(0.49, 0.36, 0.17, 0.17, -10, -370), (0.66, 0.4), (0.64, 0.6), (0.62, 0.84)]],
    "9 curly": [[*arc(0.5, 0.36, 0.17, 0.17, -20, -370), (0.67, 0.5), *arc(0.48, 0.64, 0.18, 0.19, 0, 140)]],
    "9 leaning": [[*arc(0.52, 0.35, 0.16, 0.16, -20, -375), (0.66, 0.45), (0.56, 0.66), (0.46, 0.84)]],
}

DIGITS: dict[int, Drawing] = {int(name[0]): drawing for name, drawing in reversed(SHAPES.items())}
"""The first shape of each digit."""


def moved(drawing: Drawing, scale: float, x: float = 0.5, y: float = 0.5, turned: float = 0.0) -> Drawing:
    """Scale about the middle of the paper, turn clockwise by so many degrees, and move the middle to (x, y)."""
    cos, sin = (scale * f(math.radians(turned)) for f in (math.cos, math.sin))
    return [
        [(x + cos * (u - 0.5) - sin * (v - 0.5), y + sin * (u - 0.5) + cos * (v - 0.5)) for u, v in stroke]
        for stroke in drawing
    ]


def gone_over(drawing: Drawing, aside: float) -> Drawing:
    """Draw every stroke nine times, the others up to ``aside`` beside the first: as with a thick pen."""
    offsets = [(0.0, 0.0), *((aside * math.cos(a), aside * math.sin(a)) for a in (math.tau * k / 8 for k in range(8)))]
    return [[(u + du, v + dv) for u, v in stroke] for stroke in drawing for du, dv in offsets]


def variants() -> Iterator[tuple[str, str, Drawing]]:
    """Yield the name of a shape, of a variant of it, and the strokes; the name begins with the digit."""
    for name, drawing in SHAPES.items():
        yield name, "upright", drawing
        yield name, "thick", gone_over(drawing, 0.04)
        yield name, "half size", moved(drawing, 0.5)
        yield name, "huge", moved(drawing, 1.4)
        yield name, "tiny in a corner", moved(drawing, 0.19, 0.85, 0.12)  # an eighth of the paper high
        for degrees in (-30, -15, 15, 30):
            yield name, f"turned by {degrees}", moved(drawing, 1.0, turned=degrees)
