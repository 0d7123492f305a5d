// Strokes neither much thinner nor much thicker than MNIST's, as in photos. This is mnistlr/images/strokes.py once more;
// the tests hold the one against the other. The pen of ink.js is right from the start, but some people fill a line in
// by going over it several times.

const THINNEST = 2.1, THICKEST = 3.4; // in pixels of the box of 20x20 that a digit fills; most of MNIST lies between

// Move the edges of all strokes out or in alike, so that they are as wide as MNIST's usually are. The drawing is a
// matrix, of about INK_SIDE rows: too coarse a one would have to be enlarged first. The result has a margin.
function evenOut(ink) {
  const inside = ink.map((row) => Array.from(row, (share) => share > 0.5));
  if (!inside.flat().includes(true)) return ink;
  const width = strokeWidth(inside), longer = Math.max(extentOf(inside), extentOf(transpose(inside)));
  const wanted = Math.min(Math.max(width / longer, THINNEST / BOX), THICKEST / BOX);
  if (wanted === width / longer) return ink;
  // The digit grows by 2 move as its strokes do, and is scaled to the box afterwards:
  // (width + 2 move) / (longer + 2 move) = wanted.
  const move = (wanted * longer - width) / (2 * (1 - wanted));
  const depth = signedDistance(withMargin(inside, Math.trunc(Math.abs(move)) + 2));
  const moved = depth.map((row) => row.map((deep) => Math.min(Math.max(0.5 + deep + move, 0), 1)));
  return moved.flat().some((share) => share > 0) ? moved : ink;
}

// The mean width of the strokes: across one of width w the distance to its edge rises from 0 to w/2 and falls again,
// its mean is w/4.
function strokeWidth(inside) {
  const depths = distanceTo(inside, false, true).flat().filter((deep) => deep > 0);
  return (4 * depths.reduce((sum, deep) => sum + deep - 0.5, 0)) / depths.length; // the edge is between cells
}

// How many rows lie between the first and the last that have some ink.
function extentOf(inside) {
  const rows = inside.map((row) => row.includes(true));
  return rows.lastIndexOf(true) - rows.indexOf(true) + 1;
}

function withMargin(inside, margin) {
  const nColumns = inside[0].length + 2 * margin, sides = new Array(margin).fill(false);
  const empty = () => Array.from({ length: margin }, () => new Array(nColumns).fill(false));
  return [...empty(), ...inside.map((row) => [...sides, ...row, ...sides]), ...empty()];
}

// How deep each cell's middle lies inside, or, negative, how far outside; the edge is between cells.
function signedDistance(inside) {
  const deep = distanceTo(inside, false, true), far = distanceTo(inside, true, false);
  return inside.map((row, y) => row.map((isIn, x) => (isIn ? deep[y][x] - 0.5 : 0.5 - far[y][x])));
}

// The distance of each cell to the nearest one that is as `sought`: first the nearest in each column, then, for every
// cell, the nearest in the columns to its left and right. `beyond` says whether all around the grid is as sought.
function distanceTo(inside, sought, beyond) {
  const nRows = inside.length, nColumns = inside[0].length;
  const edge = beyond ? 0 : Infinity;
  const inColumn = inside.map((row) => row.map((isIn) => (isIn === sought ? 0 : Infinity)));
  for (let x = 0; x < nColumns; x++) {
    let above = edge, below = edge;
    for (let y = 0; y < nRows; y++) {
      inColumn[y][x] = above = Math.min(inColumn[y][x], above + 1);
      const fromBelow = nRows - 1 - y;
      inColumn[fromBelow][x] = below = Math.min(inColumn[fromBelow][x], below + 1);
    }
  }
  return inColumn.map((row) =>
    row.map((height, x) => {
      let squared = height * height;
      for (let dx = 1; dx * dx < squared; dx++) {
        if (x - dx < -1 && x + dx > nColumns) break;
        squared = Math.min(squared, dx * dx + Math.min((row[x - dx] ?? edge) ** 2, (row[x + dx] ?? edge) ** 2));
      }
      return Math.sqrt(squared);
    }),
  );
}
