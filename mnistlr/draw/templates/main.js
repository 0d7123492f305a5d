// The drawing and what changes it: pointers, keys, buttons.

const SHORTEST_STEP = 0.004; // of a pointer; anything shorter is its trembling
const KEY_STEP = 0.025; // of the pen that the arrow keys move
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const pad = byId("pad");
let strokes = [];
let before = []; // the drawings to which undo goes back, the last one last
let pointer = null; // the id of the pointer that draws
let chosen = null; // the class that the answer is compared with, null for the next best
const taught = MODEL.labels.map(() => 0); // how often each class was taught
const pen = { at: [0.5, 0.2], isDown: false, isShown: false }; // the one that the keys move
let frame = 0; // the animation frame that will show the drawing, 0 if none is due

// --- what happens to the drawing ------------------------------------------------------------------------

function change(drawing) {
  before.push(strokes);
  strokes = drawing;
  showSoon();
}

function beginStroke(point) {
  change([...strokes, [point]]);
}

function continueStroke(point) {
  const stroke = strokes[strokes.length - 1];
  if (distance(stroke[stroke.length - 1], point) < SHORTEST_STEP) return;
  stroke.push(point);
  showSoon();
}

function endStroke() {
  pointer = null;
  pen.isDown = false;
  byId("status").textContent = show();
}

function undo() {
  if (!before.length) return;
  strokes = before.pop();
  endStroke();
}

function clear() {
  if (!strokes.length) return;
  chosen = null;
  change([]);
  endStroke();
}

// The ink of a drawing as the model sees it: 784 integers, row after row, or null if there is none.
function pixelsOf(drawing) {
  const ink = inkOf(drawing);
  return ink && normalise(evenOut(ink));
}

// Show the drawing in the next frame: more often than that nobody could see it.
function showSoon() {
  frame ||= requestAnimationFrame(show);
}

function show() {
  cancelAnimationFrame(frame);
  frame = 0;
  readColours();
  drawPad(strokes, pen.isShown ? pen : null);
  byId("undo").setAttribute("aria-disabled", String(!before.length));
  byId("clear").setAttribute("aria-disabled", String(!strokes.length));
  return showAnswer(pixelsOf(strokes), chosen);
}

// --- mouse, finger, pen ---------------------------------------------------------------------------------

function pointOf(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

pad.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || pointer !== null) return;
  pointer = event.pointerId;
  pad.setPointerCapture(pointer); // the stroke goes on when it leaves the pad
  pen.isShown = pen.isDown = false;
  beginStroke(pointOf(event));
});

pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents?.() ?? []; // all positions since the last frame, not only the latest
  for (const each of events.length ? events : [event]) continueStroke(pointOf(each));
});

pad.addEventListener("pointerup", (event) => {
  if (event.pointerId === pointer) continueStroke(pointOf(event)); // the last position may have come with no move
});

for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  pad.addEventListener(end, (event) => {
    if (event.pointerId === pointer) endStroke();
  });
}

pad.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is a stroke

// --- keys and buttons -----------------------------------------------------------------------------------

function movePen([dx, dy], isFine) {
  const step = isFine ? KEY_STEP / 4 : KEY_STEP;
  pen.at = [pen.at[0] + dx * step, pen.at[1] + dy * step].map((u) => Math.min(Math.max(u, 0), 1));
  if (pen.isDown) continueStroke(pen.at);
  showSoon();
}

function togglePen() {
  if (pen.isDown) {
    endStroke();
    return;
  }
  pen.isDown = true;
  beginStroke(pen.at);
  byId("status").textContent = "Pen down.";
}

pad.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || pointer !== null) return;
  const keys = { " ": togglePen, Enter: togglePen, Delete: clear, Backspace: clear };
  const act = event.key in DIRECTIONS ? () => movePen(DIRECTIONS[event.key], event.shiftKey) : keys[event.key];
  if (!act) return;
  event.preventDefault(); // the arrow keys would scroll the page
  pen.isShown = true;
  act();
});

pad.addEventListener("focus", () => {
  pen.isShown = pad.matches(":focus-visible");
  showSoon();
});

pad.addEventListener("blur", () => {
  pen.isShown = false;
  if (pen.isDown) endStroke();
  showSoon();
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  event.preventDefault();
  undo();
});

// --- why not another? and: it is another ----------------------------------------------------------------

document.querySelectorAll("#bars tr").forEach((row, k) => {
  row.addEventListener("click", () => {
    chosen = chosen === k ? null : k;
    show();
    byId("status").textContent = byId("why").textContent;
  });
});

document.querySelectorAll(".teach").forEach((button, k) => {
  button.addEventListener("click", () => {
    const pixels = pixelsOf(strokes);
    if (pixels === null) return;
    const before = probabilities(pixels)[k];
    learn(pixels, k);
    taught[k]++;
    chosen = null;
    const answer = show();
    byId("status").textContent = `${showLesson(k, before, probabilities(pixels)[k], taught)} ${answer}`;
  });
});

byId("forget").addEventListener("click", () => {
  forget();
  taught.fill(0);
  byId("taught").hidden = true;
  document.querySelector(".teach").focus(); // the button that had the focus is gone
  byId("status").textContent = `All that you taught is forgotten. ${show()}`;
});

byId("undo").addEventListener("click", undo);
byId("clear").addEventListener("click", clear);

// --- whatever else calls for a new picture --------------------------------------------------------------

new ResizeObserver(showSoon).observe(pad);
for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "print"]) {
  matchMedia(query).addEventListener("change", show); // at once: a printer does not wait for the next frame
}
show();

// For tests and for the curious, in the browser's console: mnistlr.probabilities(mnistlr.pixels()).
window.mnistlr = Object.freeze({
  ink: () => inkOf(strokes), // INK_SIDE rows of INK_SIDE numbers, or null
  pixels: () => pixelsOf(strokes), // Uint8Array of 784, or null
  labels: MODEL.labels,
  taught,
  W,
  b,
  inkOf,
  evenOut,
  normalise,
  pixelsOf,
  look,
  rawPredictions,
  probabilities,
  predict,
  evidence,
  learn,
  forget,
});
