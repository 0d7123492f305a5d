// Deskew: upright digits, whoever wrote them. This is mnistlr/features/deskew.py once more; the tests hold the one against
// the other.
//
// With ink v(y, x), m = sum v, and the centre of mass (y0, x0), the slant of a digit is
//   a = sum v (x - x0) (y - y0) / sum v (y - y0)²,
// and a shear about the centre of mass takes it back:
//   out(y, x) = v(y, x + a (y - y0)),
// between two pixels in proportion to the distance, in steps of 1/256 of a pixel. All sums are integers.

// How far each row moves to the left, in 1/256 of a pixel.
function shiftsOf(pixels) {
  let m = 0, mx = 0, my = 0, mxy = 0, myy = 0;
  pixels.forEach((ink, i) => {
    const x = i % SIDE, y = Math.floor(i / SIDE);
    m += ink;
    mx += x * ink;
    my += y * ink;
    mxy += x * y * ink;
    myy += y * y * ink;
  });
  const spread = m * myy - my * my;
  const slant = spread > 0 ? (m * mxy - mx * my) / spread : 0;
  return Array.from({ length: SIDE }, (_, y) => {
    const shift = (slant * (y * m - my)) / Math.max(m, 1);
    // Farther than the image is wide, nothing is left of a row.
    return Math.floor(256 * Math.min(Math.max(shift, -SIDE - 1), SIDE + 1) + 0.5);
  });
}

// The two pixels of the original that pixel (y, x) of the upright image is made of, and how many 256ths of each.
function sourcesOf(shift, y, x) {
  const whole = shift >> 8, part = shift & 255, first = x + whole;
  return [[first, 256 - part], [first + 1, part]]
    .filter(([column]) => column >= 0 && column < SIDE)
    .map(([column, weight]) => [y * SIDE + column, weight]);
}

function deskew(pixels) {
  const shifts = shiftsOf(pixels);
  return Uint8Array.from(pixels, (_, i) => {
    const y = Math.floor(i / SIDE);
    const sum = sourcesOf(shifts[y], y, i % SIDE).reduce((total, [from, weight]) => total + weight * pixels[from], 0);
    return (sum + 128) >> 8;
  });
}

// The way back: given what ink counts in each pixel of the upright image, what it counts in each pixel of the original.
// A pixel made of two is shared by them in proportion to what they gave, its rounding included, so that the sum over
// all pixels of ink times what it counts is the same in both images.
function countsBeforeDeskew(pixels, upright, counts) {
  const shifts = shiftsOf(pixels), out = new Float64Array(pixels.length);
  counts.forEach((count, i) => {
    const y = Math.floor(i / SIDE), sources = sourcesOf(shifts[y], y, i % SIDE);
    const sum = sources.reduce((total, [from, weight]) => total + weight * pixels[from], 0);
    const rounding = sum > 0 ? (256 * upright[i]) / sum : 1;
    for (const [from, weight] of sources) out[from] += (weight / 256) * rounding * count;
  });
  return out;
}
