// The model: from 784 pixels to the probability of each class, and where the evidence lies.
//
// K classes, d pixels. W holds K rows of d weights, b holds K intercepts, as in the estimators' coef_ and intercept_. Of a
// detector, which has one row, the row of its "no" is zero: softmax(0, r) is the logistic function of r.

const MODEL = JSON.parse(document.getElementById("model").textContent);
const W = decodeFloats(MODEL.coef);
const b = decodeFloats(MODEL.intercept);

function decodeFloats(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

// raw_k = sum_i W_ki x_i + b_k
function rawPredictions(pixels) {
  const d = pixels.length;
  return Array.from(b, (intercept, k) => {
    let sum = intercept;
    for (let i = 0; i < d; i++) sum += W[k * d + i] * pixels[i];
    return sum;
  });
}

// p_k = exp(raw_k) / sum_j exp(raw_j); with the largest subtracted first, nothing overflows.
function softmax(raw) {
  const top = Math.max(...raw);
  const powers = raw.map((value) => Math.exp(value - top));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

function probabilities(pixels) {
  return softmax(rawPredictions(pixels));
}

// The numbers of the classes, the most probable first.
function ranking(raw) {
  return raw.map((_, k) => k).sort((j, k) => raw[k] - raw[j]);
}

// The number of the most probable class.
function predict(pixels) {
  return ranking(rawPredictions(pixels))[0];
}

// What each pixel contributes to the logarithm of the odds of class k against class j,
//   log(p_k / p_j) = raw_k - raw_j = sum_i (W_ki - W_ji) x_i + b_k - b_j,
// summed up by its sign.
function evidence(pixels, k, j) {
  const d = pixels.length;
  const contributions = Array.from(pixels, (pixel, i) => (W[k * d + i] - W[j * d + i]) * pixel);
  const sumOf = (sign) => contributions.reduce((sum, value) => sum + (value * sign > 0 ? value : 0), 0);
  return { contributions, speaksFor: sumOf(1), speaksAgainst: sumOf(-1), headStart: b[k] - b[j] };
}
