// Ink: from the strokes of a pen to a grid of numbers, 0 for paper to 1 for ink.
//
// A stroke is a list of points [x, y], a drawing a list of strokes, and the paper is the square from 0 to 1. The ink is
// computed here and not read back from a canvas: the same strokes give the same ink in every browser, on a phone as on
// a wall, whatever its pixels. A matrix is an array of rows.
//
// The grid covers the drawing, not the paper, and its pen is in proportion: however small somebody writes, the model is
// shown lines that are as clear as in large writing.

const INK_SIDE = 140; // rows and columns of the grid
const PEN_SHARE = 3 / 20; // of the drawing's longer side is the pen's width: as in MNIST, see strokes.js
const SMALLEST = 0.05; // of the paper; a smaller drawing is not enlarged further: it is a dot
const LONGEST_CHORD = 0.03; // of the longer side of a drawing; curves are drawn as straight pieces of at most this length

// Smooth a stroke: a curve through all its points. Between p1 and p2, whose neighbours are p0 and p3, runs a
// Catmull-Rom spline: where the points are far apart, as a quick hand leaves them, it does not cut corners. The time
// from a point to the next is the root of their distance (centripetal), which keeps the curve free of loops.
// Returns the points of a polyline.
function smooth(stroke, longestChord = 0.01) {
  const points = stroke.filter((point, i) => i === 0 || distance(point, stroke[i - 1]) > 0);
  const line = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    const p1 = points[i], p2 = points[i + 1];
    const p0 = points[i - 1] ?? mirror(p2, p1), p3 = points[i + 2] ?? mirror(p1, p2);
    const pieces = Math.ceil(distance(p1, p2) / longestChord);
    for (let piece = 1; piece < pieces; piece++) line.push(splinePoint([p0, p1, p2, p3], piece / pieces));
    line.push(p2);
  }
  return line;
}

// The point at the part t of the way from p1 to p2. With the times t0 to t3 at which the curve is at p0 to p3, each
// step blends two neighbours, linearly in time, until one is left (Barry & Goldman, 1988).
function splinePoint(points, t) {
  const times = [0];
  for (let i = 0; i < 3; i++) times.push(times[i] + Math.sqrt(distance(points[i], points[i + 1])));
  const now = times[1] + t * (times[2] - times[1]);
  const blend = (p, q, start, end) => p.map((u, axis) => (u * (end - now) + q[axis] * (now - start)) / (end - start));
  const [a, b, c] = [0, 1, 2].map((i) => blend(points[i], points[i + 1], times[i], times[i + 1]));
  return blend(blend(a, b, times[0], times[2]), blend(b, c, times[1], times[3]), times[1], times[2]);
}

// Point p on the other side of q.
function mirror(p, q) {
  return [2 * q[0] - p[0], 2 * q[1] - p[1]];
}

function distance(p, q) {
  return Math.hypot(p[0] - q[0], p[1] - q[1]);
}

// The part of the paper that the grid covers, a square about the drawing, and the width of the pen, in sides of the paper.
// With e the extent of the drawing without the pen, pen / (e + pen) = PEN_SHARE.
function frameOf(strokes) {
  const points = strokes.flat().map((point) => point.map((u) => Math.min(Math.max(u, 0), 1)));
  const ends = [0, 1].map((axis) => points.map((point) => point[axis])).map((u) => [Math.min(...u), Math.max(...u)]);
  const extent = Math.max(SMALLEST, ...ends.map(([low, high]) => high - low));
  const pen = (extent * PEN_SHARE) / (1 - PEN_SHARE);
  const side = extent + 2 * pen; // half a pen on each side, and as much again for the curves between the points
  const [left, top] = ends.map(([low, high]) => (low + high - side) / 2);
  return { left, top, side, pen };
}

// The ink of a drawing: INK_SIDE rows of INK_SIDE numbers, or null if there is none.
function inkOf(strokes) {
  if (!strokes.length) return null;
  const frame = frameOf(strokes), cell = frame.side / INK_SIDE;
  const toGrid = ([x, y]) => [(x - frame.left) / cell - 0.5, (y - frame.top) / cell - 0.5]; // cell centres at whole numbers
  const ink = Array.from({ length: INK_SIDE }, () => new Float64Array(INK_SIDE));
  for (const stroke of strokes) {
    const line = smooth(stroke, LONGEST_CHORD * frame.side).map(toGrid);
    line.forEach((point, i) => addSegment(ink, line[Math.max(i - 1, 0)], point, frame.pen / cell));
  }
  // What lies beyond the edge of the paper cannot be seen there, and the model does not see it either.
  const isPaper = (start) => (i) => start + (i + 0.5) * cell >= 0 && start + (i + 0.5) * cell <= 1;
  const [isRow, isColumn] = [isPaper(frame.top), isPaper(frame.left)];
  return ink.map((row, y) => row.map((share, x) => (isRow(y) && isColumn(x) ? share : 0)));
}

// Ink every cell near the segment from p to q: all of it where its centre lies deep enough within half a pen's width,
// none of it where it lies outside, and a part of it on the edge, which is one cell wide.
function addSegment(ink, p, q, width) {
  const reach = width / 2 + 0.5; // of the pen, in cells; no ink beyond it
  const dx = q[0] - p[0], dy = q[1] - p[1], squaredLength = dx * dx + dy * dy;
  const [left, right] = cellsBetween(Math.min(p[0], q[0]) - reach, Math.max(p[0], q[0]) + reach);
  const [top, bottom] = cellsBetween(Math.min(p[1], q[1]) - reach, Math.max(p[1], q[1]) + reach);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      // The point of the segment that is nearest to the cell: p + t (q - p).
      const along = squaredLength ? ((x - p[0]) * dx + (y - p[1]) * dy) / squaredLength : 0;
      const t = Math.min(Math.max(along, 0), 1);
      const share = Math.min(1, reach - Math.hypot(x - p[0] - t * dx, y - p[1] - t * dy));
      if (share > ink[y][x]) ink[y][x] = share;
    }
  }
}

function cellsBetween(low, high) {
  return [Math.max(0, Math.ceil(low)), Math.min(INK_SIDE - 1, Math.floor(high))];
}
