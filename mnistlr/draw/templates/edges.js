// Edges: which way the strokes run, and roughly where. This is mnistlr/features/edges.py once more, and contributions.py
// for the way back; the tests hold the one against the other.
//
// With S the image smoothed by (1 2 1) down and across, every pixel has a slope
//   g = (S[y, x + 1] - S[y, x - 1],  S[y + 1, x] - S[y - 1, x]).
// Around the circle lie K unit vectors u_k. A slope between two of them is a sum of both, with weights that are its votes;
// with a x b = a_x b_y - a_y b_x,
//   v_k = max(0, min(g x u_k+1, u_k-1 x g)).
// Over the image lie grids of places. A triangular window about the middle of each place weighs the votes around it:
//   s_ijk = sum_yx r_i(y) c_j(x) v_k(y, x),        feature_ijk = min(255, round(255 sqrt(s_ijk / (t m)))),
// with t the sum of all votes, and m = FULL times the share of t that each sum of a grid has on average.

const FULL = 3; // a feature is 255 from this many times the average share on

// u_-1, u_0, ..., u_K-1, u_K: the last direction once more in front, the first once more at the end.
function compassOf(nDirections) {
  return Array.from({ length: nDirections + 2 }, (_, k) => {
    const angle = (2 * Math.PI * (k - 1)) / nDirections;
    return [Math.fround(Math.cos(angle)), Math.fround(Math.sin(angle))];
  });
}

// The windows of so many places along a side: a list for each place, with a weight for each pixel. Beyond the outermost
// middles they stay 1.
function windowsOf(nPlaces) {
  const middle = (place) => ((place + 0.5) * SIDE) / nPlaces - 0.5;
  return Array.from({ length: nPlaces }, (_, place) =>
    Array.from({ length: SIDE }, (_, pixel) => {
      const inner = Math.min(Math.max(pixel, middle(0)), middle(nPlaces - 1));
      return Math.fround(Math.max(0, 1 - (Math.abs(inner - middle(place)) * nPlaces) / SIDE));
    }),
  );
}

// The smoothed image has one more pixel on each side than the image: S[y + 1][x + 1] is that of pixel (y, x).
function smoothed(image) {
  const at = (y, x) => (y < 0 || x < 0 || y >= SIDE || x >= SIDE ? 0 : image[y * SIDE + x]);
  const across = (y, x) => at(y, x - 1) + 2 * at(y, x) + at(y, x + 1);
  return Array.from({ length: SIDE + 2 }, (_, y) =>
    Array.from({ length: SIDE + 2 }, (_, x) => across(y - 2, x - 1) + 2 * across(y - 1, x - 1) + across(y, x - 1)),
  );
}

// For every direction of every pixel that has a slope: the pixel, the direction, the vote, and by how much it grows with
// the slope's x and y.
function votesOf(image, compass) {
  const S = smoothed(image), votes = [];
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const gx = S[y + 1][x + 2] - S[y + 1][x], gy = S[y + 2][x + 1] - S[y][x + 1];
      if (gx === 0 && gy === 0) continue;
      for (let k = 0; k + 2 < compass.length; k++) {
        const before = compass[k], after = compass[k + 2];
        const toAfter = gx * after[1] - gy * after[0], fromBefore = before[0] * gy - before[1] * gx;
        const vote = Math.min(toAfter, fromBefore);
        if (vote <= 0) continue;
        const [byX, byY] = toAfter <= fromBefore ? [after[1], -after[0]] : [-before[1], before[0]];
        votes.push({ y, x, k, vote, byX, byY });
      }
    }
  }
  return votes;
}

// Call act(feature, share) for every feature that a vote counts in, with the share r_i(y) c_j(x) of it that does.
function forEachPlace({ y, x, k }, grids, nDirections, act) {
  let first = 0;
  for (const windows of grids) {
    windows.forEach((row, i) => {
      if (row[y] === 0) return;
      windows.forEach((column, j) => {
        const share = row[y] * column[x];
        if (share !== 0) act(first + (i * windows.length + j) * nDirections + k, share);
      });
    });
    first += windows.length * windows.length * nDirections;
  }
}

// What the edges of an image are, and the way back from them.
function edgesOf(image, nDirections, gridSides) {
  const grids = gridSides.map(windowsOf), votes = votesOf(image, compassOf(nDirections));
  const total = votes.reduce((sum, { vote }) => sum + vote, 0);
  const sizes = gridSides.map((side) => side * side * nDirections);
  const sums = new Float64Array(sizes.reduce((sum, size) => sum + size, 0));
  for (const each of votes) {
    forEachPlace(each, grids, nDirections, (feature, share) => (sums[feature] += share * each.vote));
  }
  const scales = sizes.flatMap((size) => new Array(size).fill((255 * 255 * size) / FULL / total)); // 255² / (t m)
  const features = Uint8Array.from(sums, (sum, j) => (sum > 0 ? Math.min(255, Math.sqrt(scales[j] * sum) + 0.5) : 0));

  // Strength and geometry held fixed, a sum s_j grows in proportion to the ink p: s_j = sum_p p ds_j/dp. So
  //   sum_j w_j f_j = sum_p p c_p    with    c_p = sum_j (w_j f_j / s_j) ds_j/dp:
  // each feature's share of the score goes to the pixels that voted for it, and c_p is what ink counts in pixel p.
  function countsOf(weights) {
    const byVote = sums.map((sum, j) => (sum > 0 ? (weights[j] * features[j]) / sum : 0));
    const bySmooth = Array.from({ length: SIDE + 2 }, () => new Float64Array(SIDE + 2));
    for (const each of votes) {
      let count = 0;
      forEachPlace(each, grids, nDirections, (feature, share) => (count += share * byVote[feature]));
      const { y, x, byX, byY } = each;
      bySmooth[y + 1][x + 2] += count * byX;
      bySmooth[y + 1][x] -= count * byX;
      bySmooth[y + 2][x + 1] += count * byY;
      bySmooth[y][x + 1] -= count * byY;
    }
    // Smoothing is symmetric: a pixel has given to those around it what it would have taken from them.
    const weigh = (y, x) => bySmooth[y][x - 1] + 2 * bySmooth[y][x] + bySmooth[y][x + 1];
    return Float64Array.from(image, (_, i) => {
      const y = Math.floor(i / SIDE) + 1, x = (i % SIDE) + 1;
      return weigh(y - 1, x) + 2 * weigh(y, x) + weigh(y + 1, x);
    });
  }

  return { features, countsOf };
}
