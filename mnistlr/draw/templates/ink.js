// Ink: from the strokes of a pen to a grid of numbers, 0 for paper to 1 for ink.
//
// A stroke is a list of points [x, y], a drawing a list of strokes, and the paper is the square from 0 to 1. The ink is
// computed here and not read back from a canvas: the same strokes give the same ink in every browser, on a phone as on
// a wall, whatever its pixels.

const INK_SIDE = 280; // rows and columns of the grid
const PEN_WIDTH = 0.08; // in sides of the paper: as thick as the strokes of MNIST in a digit that fills two thirds of it
const LONGEST_CHORD = 0.02; // curves are drawn as straight pieces of about this length at most

// Smooth a stroke: a quadratic Bézier curve from midpoint to midpoint of neighbouring points, the point between them its
// control point, so that the pieces join without a kink. Returns the points of a polyline.
function smooth(stroke) {
  const line = [stroke[0]];
  for (let i = 1; i + 1 < stroke.length; i++) {
    const from = line[line.length - 1], control = stroke[i], to = midpoint(control, stroke[i + 1]);
    const pieces = Math.max(1, Math.ceil((distance(from, control) + distance(control, to)) / LONGEST_CHORD));
    for (let piece = 1; piece <= pieces; piece++) line.push(bezier(from, control, to, piece / pieces));
  }
  if (stroke.length > 1) line.push(stroke[stroke.length - 1]);
  return line;
}

// B(t) = (1 - t)² p + 2 t (1 - t) q + t² r
function bezier(p, q, r, t) {
  const blend = (axis) => (1 - t) * (1 - t) * p[axis] + 2 * t * (1 - t) * q[axis] + t * t * r[axis];
  return [blend(0), blend(1)];
}

function midpoint(p, q) {
  return [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
}

function distance(p, q) {
  return Math.hypot(p[0] - q[0], p[1] - q[1]);
}

// The ink of a drawing: INK_SIDE x INK_SIDE numbers, row after row.
function inkOf(strokes) {
  const ink = new Float64Array(INK_SIDE * INK_SIDE);
  for (const stroke of strokes) {
    const line = smooth(stroke);
    for (let i = 0; i < line.length; i++) addSegment(ink, line[Math.max(i - 1, 0)], line[i]);
  }
  return ink;
}

// Ink every cell near the segment from p to q: all of it where its centre lies deep enough within half a pen's width,
// none of it where it lies outside, and a part of it on the edge, which is one cell wide.
function addSegment(ink, p, q) {
  const reach = (PEN_WIDTH / 2) * INK_SIDE + 0.5; // of the pen, in cells; no ink beyond it
  const [px, py, qx, qy] = [p[0], p[1], q[0], q[1]].map((u) => u * INK_SIDE - 0.5); // cell centres at whole numbers
  const dx = qx - px, dy = qy - py, squaredLength = dx * dx + dy * dy;
  const [top, bottom] = cellsBetween(Math.min(py, qy) - reach, Math.max(py, qy) + reach);
  const [left, right] = cellsBetween(Math.min(px, qx) - reach, Math.max(px, qx) + reach);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      // The point of the segment that is nearest to the cell: p + t (q - p).
      const along = squaredLength ? ((x - px) * dx + (y - py) * dy) / squaredLength : 0;
      const t = Math.min(Math.max(along, 0), 1);
      const ex = x - px - t * dx, ey = y - py - t * dy, squaredDistance = ex * ex + ey * ey;
      if (squaredDistance >= reach * reach) continue;
      const share = Math.min(1, reach - Math.sqrt(squaredDistance));
      const cell = y * INK_SIDE + x;
      if (share > ink[cell]) ink[cell] = share;
    }
  }
}

function cellsBetween(low, high) {
  return [Math.max(0, Math.ceil(low)), Math.min(INK_SIDE - 1, Math.floor(high))];
}
