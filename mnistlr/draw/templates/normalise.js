// Normalise: from the ink of one digit to 28x28 pixels, as MNIST's authors made theirs. This is mnistlr/images/normalise.py
// once more, step for step; the tests hold the one against the other.

const SIDE = 28; // rows and columns of the result
const BOX = 20; // pixels of the longer side of the digit in it
const FAINT = 0.01; // ink up to this much is taken for paper where the extent of the digit is measured
const HALF = 0.5 + 1e-9; // added before rounding down; ties round up, whatever the order of the sums

// ink: a matrix of numbers from 0 to 1. Returns 784 integers from 0 to 255, row after row, or null if there is no ink.
function normalise(ink) {
  const digit = crop(ink);
  if (digit === null) return null;
  const scaled = scaleToBox(digit);
  const peak = Math.max(...scaled.flat());
  return centre(scaled.map((row) => row.map((value) => value / peak)));
}

// Step 1: cut out the rectangle that holds all ink.
function crop(ink) {
  const [top, bottom] = inked(ink), [left, right] = inked(transpose(ink));
  return bottom < 0 ? null : ink.slice(top, bottom + 1).map((row) => Array.from(row).slice(left, right + 1));
}

// The first and the last row that has ink.
function inked(rows) {
  const hasInk = rows.map((row) => row.some((share) => share > FAINT));
  return [hasInk.indexOf(true), hasInk.lastIndexOf(true)];
}

// Step 2: scale by area averaging so that the longer side gets 20 pixels.
function scaleToBox(digit) {
  const nRows = digit.length, nColumns = digit[0].length, longer = Math.max(nRows, nColumns);
  const scaledTo = (length) => Math.max(1, Math.floor((BOX * length) / longer + 0.5));
  return transpose(averageRows(transpose(averageRows(digit, scaledTo(nRows))), scaledTo(nColumns)));
}

// The mean of the rows over nOut equal intervals, where row a covers [a, a + 1).
function averageRows(rows, nOut) {
  const nIn = rows.length;
  return Array.from({ length: nOut }, (_, i) => {
    const start = (i * nIn) / nOut, stop = ((i + 1) * nIn) / nOut;
    const mean = new Array(rows[0].length).fill(0);
    for (let a = Math.floor(start); a < Math.min(Math.ceil(stop), nIn); a++) {
      const share = ((Math.min(stop, a + 1) - Math.max(start, a)) * nOut) / nIn;
      for (let x = 0; x < mean.length; x++) mean[x] += share * rows[a][x];
    }
    return mean;
  });
}

function transpose(rows) {
  return Array.from(rows[0], (_, x) => rows.map((row) => row[x]));
}

// Steps 4 and 5: move the centre of mass to the middle of 28x28 pixels by whole pixels, and round.
function centre(scaled) {
  const top = start(scaled), left = start(transpose(scaled));
  const image = new Uint8Array(SIDE * SIDE);
  scaled.forEach((row, i) => {
    row.forEach((value, j) => {
      image[(top + i) * SIDE + left + j] = Math.floor(255 * value + HALF);
    });
  });
  return image;
}

// The row of the first row of the digit: as near as the edges allow to where its centre of mass is centred.
function start(rows) {
  let total = 0, moment = 0;
  rows.forEach((row, i) => {
    const mass = row.reduce((sum, value) => sum + value, 0);
    total += mass;
    moment += i * mass;
  });
  return Math.min(Math.max(Math.floor(SIDE / 2 + HALF - moment / total), 0), SIDE - rows.length);
}
