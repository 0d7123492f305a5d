"""The ten digits as strokes of a pen: lists of points (x, y) on paper from 0 to 1, y downwards."""

import math

Stroke = list[tuple[float, float]]


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> Stroke:
    """Points on an ellipse about (x, y), from one angle in degrees to another; 0 is right, 90 is down."""
    n = max(2, math.ceil(abs(stop - start) / 20))
    angles = [math.radians(start + (stop - start) * i / n) for i in range(n + 1)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


DIGITS: dict[int, list[Stroke]] = {
    0: [arc(0.5, 0.5, 0.22, 0.32, -90, 270)],
    1: [[(0.52, 0.18), (0.51, 0.4), (0.49, 0.6), (0.48, 0.82)]],
    2: [[*arc(0.5, 0.36, 0.2, 0.18, 190, 395), (0.5, 0.62), (0.3, 0.8), (0.5, 0.8), (0.74, 0.78)]],
    3: [[*arc(0.48, 0.34, 0.18, 0.16, 200, 440), *arc(0.48, 0.66, 0.21, 0.17, 280, 520)]],
    4: [[(0.34, 0.2), (0.3, 0.5), (0.5, 0.52), (0.7, 0.48)], [(0.68, 0.2), (0.66, 0.5), (0.62, 0.84)]],
    5: [
        [(0.7, 0.2), (0.4, 0.2), (0.36, 0.48), *arc(0.48, 0.63, 0.2, 0.18, 230, 500)],
    ],
    6: [[(0.62, 0.16), (0.46, 0.32), (0.36, 0.55), *arc(0.5, 0.66, 0.16, 0.16, 180, -190)]],
    7: [[(0.28, 0.22), (0.5, 0.22), (0.72, 0.2), (0.6, 0.5), (0.46, 0.84)]],
    8: [
        [
            *arc(0.5, 0.34, 0.15, 0.15, -60, -270),
            *arc(0.5, 0.66, 0.17, 0.17, -90, 270),
            *arc(0.5, 0.34, 0.15, 0.15, 90, -60),
        ]
    ],
    9: [[*arc(0.5, 0.36, 0.17, 0.16, -20, -380), (0.66, 0.4), (0.62, 0.6), (0.56, 0.84)]],
}
