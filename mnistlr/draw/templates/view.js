// The view: pictures and words. Nothing here changes the drawing.

const byId = (id) => document.getElementById(id);
const colours = {}; // of the present scheme: paper, ink, for, against
const SHOWN_PEN = 0.06; // width of the lines on the pad, in sides of it
const CELL = 12; // one of the 28x28 pixels is drawn as a square of so many

// Look up the colours; the page has an element of each. Once a picture: every look makes the browser compute its styles.
function readColours() {
  for (const name of ["paper", "ink", "for", "against"]) colours[name] = getComputedStyle(byId(`${name}-colour`)).color;
}

// Draw the strokes on the pad; a ring shows where the pen of the keyboard is.
function drawPad(strokes, pen) {
  const pad = byId("pad"), context = pad.getContext("2d");
  pad.width = pad.height = Math.max(1, Math.round(pad.clientWidth * window.devicePixelRatio));
  context.scale(pad.width, pad.width); // from here on the paper is the square from 0 to 1
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, 1, 1);
  context.strokeStyle = colours.ink;
  context.lineWidth = SHOWN_PEN;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(...stroke[0]);
    for (const point of smooth(stroke)) context.lineTo(...point);
    context.stroke();
  }
  if (pen === null) return;
  context.beginPath();
  context.arc(...pen.at, SHOWN_PEN / 2, 0, 2 * Math.PI);
  context.lineWidth = 0.01;
  context.strokeStyle = colours.for;
  context.setLineDash(pen.isDown ? [] : [0.02, 0.02]);
  context.stroke();
}

// What the model sees: 28x28 pixels, drawn as they are.
function drawPixels(pixels) {
  const context = emptyCanvas("sight");
  context.fillStyle = colours.ink;
  pixels?.forEach((pixel, i) => fillSquare(context, i, pixel / 255));
}

// Numbers of the pixels, weights or evidence: squares speak for the answer, dots against it, so that no one needs the
// colours. The square root lets weak ones be seen.
function drawNumbers(id, pixels, values) {
  const context = emptyCanvas(id);
  if (pixels === null) return;
  const strongest = Math.max(...values.map(Math.abs)) || 1;
  values.forEach((value, i) => {
    context.fillStyle = colours.ink;
    fillSquare(context, i, (0.12 * pixels[i]) / 255);
    context.fillStyle = value > 0 ? colours.for : colours.against;
    (value > 0 ? fillSquare : fillDot)(context, i, Math.sqrt(Math.abs(value) / strongest));
  });
}

function emptyCanvas(id) {
  const canvas = byId(id), context = canvas.getContext("2d");
  canvas.width = canvas.height = SIDE * CELL;
  context.fillStyle = colours.paper;
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

// Show everything that follows from the pixels, null for an empty canvas; returns the answer in one sentence. The answer is
// compared with class `chosen`, or with the next best if none is chosen.
function showAnswer(pixels, chosen) {
  const raw = pixels && rawPredictions(pixels), shares = raw && softmax(raw);
  const [best, next] = raw ? ranking(raw) : [null, null];
  const isChosen = raw !== null && chosen !== null && chosen !== best, rival = isChosen ? chosen : next;
  showBars(shares, best, isChosen ? chosen : null);
  drawPixels(pixels);
  document.body.classList.toggle("is-empty", pixels === null);
  for (const button of document.querySelectorAll(".teach")) button.setAttribute("aria-disabled", String(pixels === null));
  if (pixels === null) {
    drawNumbers("weights", null);
    drawNumbers("evidence", null);
    byId("answer").textContent = "The canvas is empty";
    byId("for").textContent = "points for the answer";
    byId("against").textContent = "points for the next best";
    for (const id of ["share", "why", "balance"]) byId(id).textContent = "";
    describe("sight", "The 28 by 28 pixels that the model sees: empty.");
    describe("weights", "The weights: none to show, the canvas is empty.");
    describe("evidence", "The evidence: none yet, the canvas is empty.");
    return "The canvas is empty.";
  }
  const found = evidence(pixels, best, rival), names = [MODEL.labels[best], MODEL.labels[rival]];
  drawNumbers("weights", pixels, found.counts);
  drawNumbers("evidence", pixels, found.contributions);
  byId("answer").textContent = MODEL.sentences[best];
  byId("share").textContent = percent(shares[best]);
  byId("why").textContent = (isChosen ? `Why not ${names[1]}? ` : `Why ${names[0]}? `) + reason(found, ...names);
  showBalance(found, ...names);
  const inked = pixels.filter((pixel) => pixel > 0).length;
  describe("sight", `The 28 by 28 pixels that the model sees: your digit, scaled and centred; ${inked} have ink.`);
  describe("weights", `What ink counts in each pixel: squares for ${names[0]}, dots for ${names[1]}.`);
  const { contributions, speaksFor, speaksAgainst } = found;
  describe(
    "evidence",
    `Where the evidence lies: ${points(speaksFor)} for ${names[0]}, most ${whereabouts(contributions, 1) ?? "nowhere"}; ` +
      `${points(-speaksAgainst)} for ${names[1]}, most ${whereabouts(contributions, -1) ?? "nowhere"}.`,
  );
  return `${MODEL.sentences[best]}, ${percent(shares[best])}; next ${MODEL.labels[next]}, ${percent(shares[next])}.`;
}

function showBars(shares, best, chosen) {
  document.querySelectorAll("#bars tr").forEach((row, k) => {
    row.classList.toggle("is-best", k === best);
    row.querySelector(".compare").setAttribute("aria-pressed", String(k === chosen));
    row.style.setProperty("--share", shares ? shares[k] : 0);
    row.querySelector(".percent").textContent = shares ? percent(shares[k]) : "–";
  });
}

// The reason in one sentence: where the strongest evidence lies.
function reason({ contributions }, best, rival) {
  const [forIt, againstIt] = [1, -1].map((sign) => whereabouts(contributions, sign));
  const first = forIt === null ? `No ink speaks for ${best}` : `The ink ${forIt} speaks most for ${best}`;
  if (forIt !== null && forIt === againstIt) return `${first}, but some of it for ${rival}.`;
  return `${first}, ${againstIt === null ? "none" : `the ink ${againstIt}`} for ${rival}.`;
}

// The evidence as a sum of points, and what the points are worth.
function showBalance({ speaksFor, speaksAgainst, headStart }, best, rival) {
  const [gained, lost] = [points(speaksFor), points(speaksAgainst)];
  byId("for").textContent = `${gained} for ${best}`;
  byId("against").textContent = `${lost} for ${rival}`;
  const lead = speaksFor + speaksAgainst + headStart;
  const start = headStart < 0 ? `${rival} is ${points(-headStart)} ahead` : `${best} is ${points(headStart)} ahead`;
  byId("balance").textContent =
    `Your ink earns ${gained} for ${best} and ${lost} for ${rival}. Before any ink, ${start}. ` +
    `In all, ${best} leads by ${points(lead)}. Each point makes it 2.7 times as likely: ${best} is ${times(lead)} as ` +
    `likely as ${rival}.`;
}

// What one step of learning has done.
function showLesson(right, before, after, taught) {
  const name = MODEL.labels[right];
  const lesson = `You said ${name}: in one step of learning it went from ${percent(before)} to ${percent(after)}.`;
  const counts = taught.map((n, k) => n && `${MODEL.labels[k]} × ${n}`).filter((text) => text);
  byId("lesson").textContent = lesson;
  byId("count").textContent = `Taught so far: ${counts.join(", ")}.`;
  byId("taught").hidden = false;
  return lesson;
}

function describe(id, text) {
  byId(id).setAttribute("aria-label", text);
}

// In which ninth of the image most of the contributions of this sign lie, in words; null if there are none.
function whereabouts(contributions, sign) {
  const sums = new Array(9).fill(0);
  contributions.forEach((value, i) => {
    const third = (position) => Math.min(2, Math.max(0, Math.floor((position - 4) / (BOX / 3))));
    sums[3 * third(Math.floor(i / SIDE)) + third(i % SIDE)] += Math.max(0, value * sign);
  });
  const names = [
    "at the top left", "at the top", "at the top right",
    "on the left", "in the middle", "on the right",
    "at the bottom left", "at the bottom", "at the bottom right",
  ];
  return sums.some((sum) => sum > 0) ? names[sums.indexOf(Math.max(...sums))] : null;
}

function percent(share) {
  if (share >= 0.9995) return "> 99.9 %";
  if (share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(1)} %`;
}

function points(value) {
  return `${Math.abs(value).toFixed(1)} points`;
}

function times(lead) {
  const ratio = Math.exp(lead);
  if (ratio > 1e6) return "over a million times";
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio).toLocaleString("en")} times`;
}
