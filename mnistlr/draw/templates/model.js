// The model: from 784 pixels to the probability of each class, where the evidence lies, and what it learns from a drawing.
//
// K classes, d features. W holds K rows of d weights, b holds K intercepts, as in the estimators' coef_ and intercept_. Of
// a model of two classes, which has one row, the row of its "no" is zero: softmax(0, r) is the logistic function of r.

const MODEL = JSON.parse(document.getElementById("model").textContent);
const W = decodeFloats(MODEL.coef);
const b = decodeFloats(MODEL.intercept);
const ORIGINAL = { W: W.slice(), b: b.slice() }; // for forgetting what was taught

// The numbers were packed as float32, the precision that Python reads pixels with.
function decodeFloats(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return Float64Array.from(new Float32Array(bytes.buffer));
}

// What the model sees in the pixels: its features, and for a list of weights of them, what ink counts in every pixel. The
// sum over pixels of ink times what it counts is the sum over features of weight times feature. A model of pixels has
// the pixels for features. The reader looks at edges of the upright digit.
function look(pixels) {
  if (MODEL.edges === null) return { features: pixels, countsOf: (weights) => weights };
  const upright = deskew(pixels);
  const edges = edgesOf(upright, MODEL.edges.directions, MODEL.edges.grids);
  const countsOf = (weights) => countsBeforeDeskew(pixels, upright, edges.countsOf(weights));
  return { features: edges.features, countsOf };
}

// raw_k = sum_j W_kj f_j + b_k
function scores(features) {
  const d = features.length;
  return Array.from(b, (intercept, k) => {
    let sum = intercept;
    for (let j = 0; j < d; j++) sum += W[k * d + j] * features[j];
    return sum;
  });
}

function rawPredictions(pixels) {
  return scores(look(pixels).features);
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

// Why class k and not class j? With c_i what ink in pixel i counts for k rather than j,
//   log(p_k / p_j) = raw_k - raw_j = sum_i x_i c_i + b_k - b_j:
// drawing times weights is evidence. Its terms are summed up by their sign.
function evidence(pixels, k, j) {
  const { features, countsOf } = look(pixels), d = features.length;
  const counts = countsOf(Float64Array.from(features, (_, i) => W[k * d + i] - W[j * d + i]));
  const contributions = Array.from(pixels, (pixel, i) => pixel * counts[i]);
  const sumOf = (sign) => contributions.reduce((sum, value) => sum + (value * sign > 0 ? value : 0), 0);
  const headStart = b[k] - b[j];
  return { counts: Array.from(counts), contributions, speaksFor: sumOf(1), speaksAgainst: sumOf(-1), headStart };
}

// Learn that this drawing is of class `right`: one step of stochastic gradient descent. The loss is -log p_right. With
// x = f / 255 the features from 0 to 1, and y_k = 1 for the right class, else 0, its gradient is
//   dloss/dW_k = (p_k - y_k) x,        dloss/db_k = p_k - y_k,
// and the step goes against it:
//   W_k <- W_k - eta (p_k - y_k) x,    b_k <- b_k - eta (p_k - y_k).
// The slope does not tell how far to go. The loss bends by at most L = c (|x|² + 1), with c = 1/2, or 1/4 for two classes,
// and a step of eta = 1 / L is sure to make it smaller. (W is of f and not of x, hence another 255 below.)
function learn(pixels, right) {
  const { features } = look(pixels), d = features.length;
  const isOneRow = b.length === 2;
  const p = softmax(scores(features)), x = Float64Array.from(features, (feature) => feature / 255);
  const eta = 1 / ((isOneRow ? 1 / 4 : 1 / 2) * (x.reduce((sum, value) => sum + value * value, 0) + 1));
  for (let k = isOneRow ? 1 : 0; k < b.length; k++) {
    const slope = p[k] - (k === right ? 1 : 0);
    for (let j = 0; j < d; j++) W[k * d + j] -= (eta * slope * x[j]) / 255;
    b[k] -= eta * slope;
  }
}

function forget() {
  W.set(ORIGINAL.W);
  b.set(ORIGINAL.b);
}
