// The view: pictures and words. Nothing here changes the drawing.

const byId = (id) => document.getElementById(id);
const colourOf = (element) => getComputedStyle(element).color;
const PAPER = byId("paper-colour"), INK = byId("ink-colour"); // swatches: they know the colours of the present scheme
const FOR = byId("for-colour"), AGAINST = byId("against-colour");
const CELL = 12; // one of the 28x28 pixels is drawn as a square of so many

// Draw the strokes on the pad; a ring shows where the pen of the keyboard is.
function drawPad(strokes, pen) {
  const pad = byId("pad"), context = pad.getContext("2d");
  pad.width = pad.height = Math.max(1, Math.round(pad.clientWidth * window.devicePixelRatio));
  context.scale(pad.width, pad.width); // from here on the paper is the square from 0 to 1
  context.fillStyle = colourOf(PAPER);
  context.fillRect(0, 0, 1, 1);
  context.strokeStyle = colourOf(INK);
  context.lineWidth = PEN_WIDTH;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(...stroke[0]);
    for (const point of smooth(stroke)) context.lineTo(...point);
    context.stroke();
  }
  if (pen === null) return;
  context.beginPath();
  context.arc(...pen.at, PEN_WIDTH / 2, 0, 2 * Math.PI);
  context.lineWidth = 0.01;
  context.strokeStyle = colourOf(FOR);
  context.setLineDash(pen.isDown ? [] : [0.02, 0.02]);
  context.stroke();
}

// What the model sees: 28x28 pixels, drawn as they are.
function drawPixels(pixels) {
  const context = emptyCanvas("sight");
  context.fillStyle = colourOf(INK);
  pixels?.forEach((pixel, i) => fillSquare(context, i, pixel / 255));
}

// Where the evidence lies: squares speak for the answer, dots against it, so that no one needs the colours. The square
// root lets weak evidence be seen.
function drawEvidence(pixels, contributions) {
  const context = emptyCanvas("evidence");
  if (pixels === null) return;
  const strongest = Math.max(...contributions.map(Math.abs)) || 1;
  const colours = { ink: colourOf(INK), for: colourOf(FOR), against: colourOf(AGAINST) };
  contributions.forEach((value, i) => {
    context.fillStyle = colours.ink;
    fillSquare(context, i, (0.12 * pixels[i]) / 255);
    context.fillStyle = value > 0 ? colours.for : colours.against;
    (value > 0 ? fillSquare : fillDot)(context, i, Math.sqrt(Math.abs(value) / strongest));
  });
}

function emptyCanvas(id) {
  const canvas = byId(id), context = canvas.getContext("2d");
  canvas.width = canvas.height = SIDE * CELL;
  context.fillStyle = colourOf(PAPER);
  context.fillRect(0, 0, canvas.width, canvas.height);
  return context;
}

function fillSquare(context, i, opacity) {
  context.globalAlpha = opacity;
  context.fillRect((i % SIDE) * CELL, Math.floor(i / SIDE) * CELL, CELL, CELL);
}

function fillDot(context, i, opacity) {
  context.globalAlpha = opacity;
  context.beginPath();
  context.arc(((i % SIDE) + 0.5) * CELL, (Math.floor(i / SIDE) + 0.5) * CELL, 0.4 * CELL, 0, 2 * Math.PI);
  context.fill();
}

// Show everything that follows from the pixels, null for an empty canvas; returns the answer in one sentence.
function showAnswer(pixels) {
  const raw = pixels && rawPredictions(pixels), shares = raw && softmax(raw);
  const [best, next] = raw ? ranking(raw) : [null, null];
  showBars(shares, best);
  drawPixels(pixels);
  document.body.classList.toggle("is-empty", pixels === null);
  if (pixels === null) {
    drawEvidence(null);
    byId("answer").textContent = "The canvas is empty";
    byId("share").textContent = "";
    byId("for").textContent = "for the answer";
    byId("against").textContent = "for the next best";
    byId("balance").textContent = "";
    describe("sight", "The 28 by 28 pixels that the model sees: empty.");
    describe("evidence", "The evidence: none yet, the canvas is empty.");
    return "The canvas is empty.";
  }
  const found = evidence(pixels, best, next);
  drawEvidence(pixels, found.contributions);
  byId("answer").textContent = MODEL.sentences[best];
  byId("share").textContent = percent(shares[best]);
  showBalance(found, MODEL.labels[best], MODEL.labels[next]);
  const inked = pixels.filter((pixel) => pixel > 0).length;
  describe("sight", `The 28 by 28 pixels that the model sees: your digit, scaled and centred; ${inked} have ink.`);
  const { contributions, speaksFor, speaksAgainst } = found;
  describe(
    "evidence",
    `Where the evidence lies: for ${MODEL.labels[best]} ${signed(speaksFor)}, most of it ${whereabouts(contributions, 1)}; ` +
      `for ${MODEL.labels[next]} ${signed(speaksAgainst)}, most of it ${whereabouts(contributions, -1)}.`,
  );
  return `${MODEL.sentences[best]}, ${percent(shares[best])}; next ${MODEL.labels[next]}, ${percent(shares[next])}.`;
}

function showBars(shares, best) {
  document.querySelectorAll("#bars tr").forEach((row, k) => {
    row.classList.toggle("is-best", k === best);
    row.style.setProperty("--share", shares ? shares[k] : 0);
    row.querySelector(".percent").textContent = shares ? percent(shares[k]) : "–";
  });
}

// The evidence as a sum: for, against, what the model believes before it sees any ink, and the odds that follow.
function showBalance({ speaksFor, speaksAgainst, headStart }, best, next) {
  byId("for").textContent = `for ${best}: ${signed(speaksFor)}`;
  byId("against").textContent = `for ${next}: ${signed(speaksAgainst)}`;
  const sum = speaksFor + speaksAgainst + headStart;
  byId("balance").textContent =
    `Before any ink ${signed(headStart)}; together ${signed(sum)}: ${best} against ${next} stands ${odds(sum)}.`;
}

function describe(id, text) {
  byId(id).setAttribute("aria-label", text);
}

// In which ninth of the image most of the contributions of this sign lie, in words.
function whereabouts(contributions, sign) {
  const sums = new Array(9).fill(0);
  contributions.forEach((value, i) => {
    const third = (position) => Math.min(2, Math.max(0, Math.floor((position - 4) / (BOX / 3))));
    sums[3 * third(Math.floor(i / SIDE)) + third(i % SIDE)] += Math.max(0, value * sign);
  });
  const names = ["top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right"];
  return sums.some((sum) => sum > 0) ? `at the ${names[sums.indexOf(Math.max(...sums))]}` : "nowhere";
}

function percent(share) {
  if (share >= 0.9995) return "> 99.9 %";
  if (share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

function odds(logOdds) {
  const ratio = Math.exp(logOdds);
  return ratio > 1e6 ? "over a million to 1" : `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio).toLocaleString("en")} to 1`;
}
